# The source files, and what is published. The warehouse is on EFS, since a task's own disk goes with it;
# it holds personal data, and only the task mounts it.

module "incoming" {
  source  = "../bucket"
  name    = "${local.name}-incoming-${local.account}"
  key_arn = aws_kms_key.this.arn
}

module "published" {
  source  = "../bucket"
  name    = "${local.name}-published-${local.account}"
  key_arn = aws_kms_key.this.arn
}

resource "aws_efs_file_system" "warehouse" {
  encrypted       = true
  kms_key_id      = aws_kms_key.this.arn
  throughput_mode = "elastic"
  tags            = { Name = "${local.name}-warehouse" }
}

resource "aws_efs_backup_policy" "warehouse" {
  file_system_id = aws_efs_file_system.warehouse.id
  backup_policy {
    status = "ENABLED"
  }
}

resource "aws_efs_mount_target" "warehouse" {
  for_each        = toset(var.subnet_ids)
  file_system_id  = aws_efs_file_system.warehouse.id
  subnet_id       = each.value
  security_groups = [aws_security_group.warehouse.id]
}

resource "aws_efs_access_point" "warehouse" {
  file_system_id = aws_efs_file_system.warehouse.id
  posix_user {
    uid = 10001
    gid = 10001
  }
  root_directory {
    path = "/data"
    creation_info {
      owner_uid   = 10001
      owner_gid   = 10001
      permissions = "0700"
    }
  }
}

data "aws_iam_policy_document" "warehouse" {
  statement {
    sid       = "TaskByItsAccessPoint"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    resources = [aws_efs_file_system.warehouse.arn]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.task.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "elasticfilesystem:AccessPointArn"
      values   = [aws_efs_access_point.warehouse.arn]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["true"]
    }
  }
  dynamic "statement" {
    for_each = aws_efs_access_point.exchange
    content {
      sid       = "SparkByItsAccessPoint"
      actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
      resources = [aws_efs_file_system.warehouse.arn]
      principals {
        type        = "AWS"
        identifiers = [aws_iam_role.spark[statement.key].arn]
      }
      condition {
        test     = "StringEquals"
        variable = "elasticfilesystem:AccessPointArn"
        values   = [statement.value.arn]
      }
      condition {
        test     = "Bool"
        variable = "aws:SecureTransport"
        values   = ["true"]
      }
    }
  }
}

resource "aws_efs_file_system_policy" "warehouse" {
  file_system_id = aws_efs_file_system.warehouse.id
  policy         = data.aws_iam_policy_document.warehouse.json
}
