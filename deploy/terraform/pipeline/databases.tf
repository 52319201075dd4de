# Databases that sources read: a way from the task to each. Those whose changes are followed
# (extract: {mode: cdc} in catalog.yaml) need a cluster of Aurora PostgreSQL with these parameters.

resource "aws_vpc_security_group_egress_rule" "database" {
  for_each                     = var.databases
  security_group_id            = aws_security_group.task.id
  description                  = "Database ${each.key}"
  referenced_security_group_id = each.value.security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each                     = var.databases
  security_group_id            = each.value.security_group_id
  description                  = local.name
  referenced_security_group_id = aws_security_group.task.id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_rds_cluster_parameter_group" "followed" {
  for_each    = { for name, it in var.databases : name => it if it.followed_family != null }
  name        = "${local.name}-${each.key}"
  family      = each.value.followed_family
  description = "Changes are read by logical replication"
  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }
}
