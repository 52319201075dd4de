# A server of Spark Connect that computes tables: Sail, from the image of the pipeline with the extras
# `sail` and `spark`. It mounts the folder of the exchange and nothing else of the warehouse.

locals {
  spark_port = 15002
  spark_host = "spark.${local.name}.internal"
  exchange   = "data/exchange"
  # What the run is told where there is one.
  on_spark = var.spark == null ? [] : [
    "--benepass-engine", "spark",
    "--benepass-spark-remote", "sc://${local.spark_host}:${local.spark_port}",
    "--benepass-exchange-dir", local.exchange,
  ]
  sparks = var.spark == null ? {} : { spark = var.spark }
}

resource "aws_efs_access_point" "exchange" {
  for_each       = local.sparks
  file_system_id = aws_efs_file_system.warehouse.id
  posix_user {
    uid = 10001
    gid = 10001
  }
  root_directory {
    path = "/data/exchange"
    creation_info {
      owner_uid   = 10001
      owner_gid   = 10001
      permissions = "0700"
    }
  }
}

resource "aws_iam_role" "spark" {
  for_each           = local.sparks
  name               = "${local.name}-spark"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["ecs-tasks"].json
}

data "aws_iam_policy_document" "exchange" {
  for_each = local.sparks
  statement {
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    resources = [aws_efs_file_system.warehouse.arn]
    condition {
      test     = "StringEquals"
      variable = "elasticfilesystem:AccessPointArn"
      values   = [aws_efs_access_point.exchange[each.key].arn]
    }
  }
}

resource "aws_iam_role_policy" "exchange" {
  for_each = local.sparks
  name     = "exchange"
  role     = aws_iam_role.spark[each.key].id
  policy   = data.aws_iam_policy_document.exchange[each.key].json
}

resource "aws_ecs_task_definition" "spark" {
  for_each                 = local.sparks
  family                   = "${local.name}-spark"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = each.value.cpu
  memory                   = each.value.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.spark[each.key].arn
  container_definitions = jsonencode([merge(local.hardened, {
    name      = "spark"
    essential = true
    image     = var.image
    command   = ["sail", "spark", "server", "--ip", "0.0.0.0", "--port", tostring(local.spark_port)]
    mountPoints = [
      # By the path that it has in a run.
      { sourceVolume = "exchange", containerPath = "${local.home}/${local.exchange}", readOnly = false },
      { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false },
    ]
    portMappings = [{ containerPort = local.spark_port, protocol = "tcp" }]
  })])
  volume {
    name = "exchange"
    efs_volume_configuration {
      file_system_id     = aws_efs_file_system.warehouse.id
      transit_encryption = "ENABLED"
      authorization_config {
        access_point_id = aws_efs_access_point.exchange[each.key].id
        iam             = "ENABLED"
      }
    }
  }
  volume {
    name = "tmp"
  }
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  for_each = local.sparks
  name     = "${local.name}.internal"
  vpc      = var.vpc_id
}

resource "aws_service_discovery_service" "spark" {
  for_each = local.sparks
  name     = "spark"
  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.this[each.key].id
    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

resource "aws_ecs_service" "spark" {
  for_each        = local.sparks
  name            = "${local.name}-spark"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.spark[each.key].arn
  launch_type     = "FARGATE"
  desired_count   = 1
  network_configuration {
    subnets         = var.subnet_ids
    security_groups = [aws_security_group.spark[each.key].id]
  }
  service_registries {
    registry_arn = aws_service_discovery_service.spark[each.key].arn
  }
}

# It asks for nothing and runs what it is told, so the task alone reaches it.
resource "aws_security_group" "spark" {
  for_each    = local.sparks
  name        = "${local.name}-spark"
  description = "The server of Spark Connect: reaches the exchange and AWS, and is reached by the task alone"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "spark" {
  for_each                     = local.sparks
  security_group_id            = aws_security_group.spark[each.key].id
  description                  = "The task"
  referenced_security_group_id = aws_security_group.task.id
  ip_protocol                  = "tcp"
  from_port                    = local.spark_port
  to_port                      = local.spark_port
}

resource "aws_vpc_security_group_egress_rule" "to_spark" {
  for_each                     = local.sparks
  security_group_id            = aws_security_group.task.id
  description                  = "The server of Spark Connect"
  referenced_security_group_id = aws_security_group.spark[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = local.spark_port
  to_port                      = local.spark_port
}

# The exchange is on the file system of the warehouse; what it may mount there, the access point says.
resource "aws_vpc_security_group_ingress_rule" "exchange" {
  for_each                     = local.sparks
  security_group_id            = aws_security_group.warehouse.id
  description                  = "The server of Spark Connect"
  referenced_security_group_id = aws_security_group.spark[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_vpc_security_group_egress_rule" "exchange" {
  for_each                     = local.sparks
  security_group_id            = aws_security_group.spark[each.key].id
  description                  = "The exchange"
  referenced_security_group_id = aws_security_group.warehouse.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_vpc_security_group_egress_rule" "spark" {
  for_each          = local.sparks
  security_group_id = aws_security_group.spark[each.key].id
  description       = "Its image, its logs and names of AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
