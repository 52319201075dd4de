# The task: three containers, one after the other. Where one fails, those after it do not begin, so what
# was published stays.

locals {
  home = "/srv/benepass-tasks"
  data = "${local.home}/data"
  hardened = {
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] }, initProcessEnabled = true }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = local.region
        awslogs-stream-prefix = "run"
      }
    }
    mountPoints = [{ sourceVolume = "data", containerPath = local.data, readOnly = false }]
    environment = [{ name = "HOME", value = "/tmp" }]
  }
  copying = merge(local.hardened, { image = var.aws_cli_image, entryPoint = ["sh", "-ec"] })
  containers = [
    merge(local.copying, {
      name      = "fetch"
      essential = false
      # A file that is gone from the bucket stays, until `benepass source forget` says so.
      command = ["aws s3 sync --only-show-errors s3://${module.incoming.id} ${local.data}/incoming"]
    }),
    merge(local.hardened, {
      name      = "pipeline"
      essential = false
      image     = var.image
      mountPoints = concat(local.hardened.mountPoints, [
        { sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }
      ])
      command = concat(
        ["benepass", "run", "--benepass-env", var.environment, "--benepass-data-dir", "data/incoming"],
        local.on_spark,
      )
      secrets = [for name in var.secrets : {
        name      = name
        valueFrom = "${aws_secretsmanager_secret.this.arn}:${name}::"
      }]
      dependsOn = [{ containerName = "fetch", condition = "SUCCESS" }]
    }),
    merge(local.copying, {
      name      = "publish"
      essential = true
      command = [join("\n", concat(
        [
          "cd ${local.data}",
          "for what in published site; do",
          "  aws s3 sync --only-show-errors --delete $what/${var.environment} s3://${module.published.id}/$what",
          "done",
        ],
        # Athena wants a folder for each table; a large one has one already, with a file for each month.
        flatten([for name, folder in local.folders : [
          "rm -rf tables/${name}",
          "for it in published/${folder}/parquet/*.parquet published/${folder}/parquet/*/; do",
          "  [ -e $it ] || continue",
          "  table=tables/${name}/$(basename $it .parquet)",
          "  mkdir -p $table && if [ -d $it ]; then ln $it*.parquet $table/; else ln $it $table/; fi",
          "done",
          "aws s3 sync --only-show-errors --delete tables/${name} s3://${local.tables[name]}",
        ]]),
        ["echo '${local.said_at_the_end}'"],
      ))]
      dependsOn = [{ containerName = "pipeline", condition = "SUCCESS" }]
    }),
  ]
}

resource "aws_ecs_cluster" "this" {
  name = local.name
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode(local.containers)
  volume {
    name = "data"
    efs_volume_configuration {
      file_system_id     = aws_efs_file_system.warehouse.id
      transit_encryption = "ENABLED"
      authorization_config {
        access_point_id = aws_efs_access_point.warehouse.id
        iam             = "ENABLED"
      }
    }
  }
  volume {
    name = "tmp"
  }
}

resource "aws_scheduler_schedule" "this" {
  name                         = local.name
  schedule_expression          = var.schedule
  schedule_expression_timezone = "UTC"
  state                        = var.is_scheduled ? "ENABLED" : "DISABLED"
  kms_key_arn                  = aws_kms_key.this.arn
  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_ecs_cluster.this.arn
    role_arn = aws_iam_role.scheduler.arn
    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.this.arn
      launch_type         = "FARGATE"
      network_configuration {
        subnets         = var.subnet_ids
        security_groups = [aws_security_group.task.id]
      }
    }
    # A run that failed is not tried again by itself.
    retry_policy {
      maximum_retry_attempts = 0
    }
  }
}

resource "aws_security_group" "task" {
  #checkov:skip=CKV2_AWS_5:the schedule names it
  name        = "${local.name}-task"
  description = "The task: reaches AWS, APIs and whoever takes alerts over TLS, and is reached by nobody"
  vpc_id      = var.vpc_id
}

resource "aws_security_group" "warehouse" {
  name        = "${local.name}-warehouse"
  description = "The warehouse: the task alone"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "tls" {
  security_group_id = aws_security_group.task.id
  description       = "AWS and alerts"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "nfs" {
  security_group_id            = aws_security_group.task.id
  description                  = "The warehouse"
  referenced_security_group_id = aws_security_group.warehouse.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}

resource "aws_vpc_security_group_ingress_rule" "nfs" {
  security_group_id            = aws_security_group.warehouse.id
  description                  = "The task"
  referenced_security_group_id = aws_security_group.task.id
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
}
