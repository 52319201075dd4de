# Who reads what is published, by Athena: a database of the Glue catalog for each audience, and a role
# that reads it and nothing else. Which columns and rows an audience gets, and how they are masked, is
# decided before anything is published (_audiences in catalog.yaml), so its files hold no more than
# that, and no policy by column or row is needed beside the one that tells audiences apart.

locals {
  # What the task wrote for each: analysts have the environment's folder, others one named after it.
  folders = {
    for name in keys(var.audiences) :
    name => name == "analyst" ? var.environment : "${var.environment}.${name}"
  }
  tables = { for name in keys(var.audiences) : name => "${module.published.id}/tables/${name}" }
}

resource "aws_glue_catalog_database" "audience" {
  for_each    = var.audiences
  name        = replace("${local.name}_${each.key}", "-", "_")
  description = "What audience ${each.key} gets of ${var.environment}"
}

# The columns of a table follow from its file: once a day, two hours after the run.
resource "aws_glue_crawler" "audience" {
  for_each               = var.audiences
  name                   = "${local.name}-${each.key}"
  database_name          = aws_glue_catalog_database.audience[each.key].name
  role                   = aws_iam_role.crawler[0].arn
  schedule               = "cron(0 8 * * ? *)"
  security_configuration = aws_glue_security_configuration.this[0].name
  s3_target {
    path = "s3://${local.tables[each.key]}/"
  }
  schema_change_policy {
    delete_behavior = "DELETE_FROM_DATABASE"
    update_behavior = "UPDATE_IN_DATABASE"
  }
}

resource "aws_glue_security_configuration" "this" {
  count = length(var.audiences) > 0 ? 1 : 0
  name  = local.name
  encryption_configuration {
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = aws_kms_key.this.arn
    }
    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = aws_kms_key.this.arn
    }
    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = aws_kms_key.this.arn
    }
  }
}

resource "aws_iam_role" "crawler" {
  count              = length(var.audiences) > 0 ? 1 : 0
  name               = "${local.name}-crawler"
  assume_role_policy = data.aws_iam_policy_document.assumed_by["glue"].json
}

resource "aws_iam_role_policy_attachment" "crawler" {
  count      = length(var.audiences) > 0 ? 1 : 0
  role       = aws_iam_role.crawler[0].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"
}

data "aws_iam_policy_document" "crawler" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["${module.published.arn}/tables/*"]
  }
  statement {
    actions   = ["s3:ListBucket"]
    resources = [module.published.arn]
  }
  statement {
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
  }
  statement {
    actions   = ["logs:AssociateKmsKey"]
    resources = ["arn:aws:logs:${local.region}:${local.account}:log-group:/aws-glue/crawlers*"]
  }
}

resource "aws_iam_role_policy" "crawler" {
  count  = length(var.audiences) > 0 ? 1 : 0
  name   = "tables"
  role   = aws_iam_role.crawler[0].id
  policy = data.aws_iam_policy_document.crawler.json
}

# ------------------------------------------------------------------------------------ its readers

data "aws_iam_policy_document" "assumed_by_readers" {
  for_each = var.audiences
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = each.value
    }
  }
}

resource "aws_iam_role" "reader" {
  for_each           = var.audiences
  name               = "${local.name}-${each.key}"
  assume_role_policy = data.aws_iam_policy_document.assumed_by_readers[each.key].json
}

# The answers to its questions, which hold what its tables hold.
resource "aws_athena_workgroup" "reader" {
  for_each = var.audiences
  name     = "${local.name}-${each.key}"
  configuration {
    enforce_workgroup_configuration = true
    result_configuration {
      output_location = "s3://${module.published.id}/answers/${each.key}/"
      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.this.arn
      }
    }
  }
}

data "aws_iam_policy_document" "reader" {
  for_each = var.audiences
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::${local.tables[each.key]}/*"]
  }
  statement {
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${module.published.arn}/answers/${each.key}/*"]
  }
  statement {
    actions   = ["s3:GetBucketLocation"]
    resources = [module.published.arn]
  }
  statement {
    actions   = ["s3:ListBucket"]
    resources = [module.published.arn]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["tables/${each.key}/*", "answers/${each.key}/*"]
    }
  }
  statement {
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com"]
    }
  }
  statement {
    actions = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables"]
    resources = [
      "arn:aws:glue:${local.region}:${local.account}:catalog",
      aws_glue_catalog_database.audience[each.key].arn,
      "arn:aws:glue:${local.region}:${local.account}:table/${aws_glue_catalog_database.audience[each.key].name}/*",
    ]
  }
  statement {
    actions = [
      "athena:GetQueryExecution", "athena:GetQueryResults", "athena:GetWorkGroup",
      "athena:StartQueryExecution", "athena:StopQueryExecution",
    ]
    resources = [aws_athena_workgroup.reader[each.key].arn]
  }
}

resource "aws_iam_role_policy" "reader" {
  for_each = var.audiences
  name     = "tables"
  role     = aws_iam_role.reader[each.key].id
  policy   = data.aws_iam_policy_document.reader[each.key].json
}
