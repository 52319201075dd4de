# Somebody is told of a run that failed, whatever its code, and of a day on which none came to its end.

locals {
  said_at_the_end = "benepass-tasks: published"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${local.name}"
  retention_in_days = var.keep_logs_days
  kms_key_id        = aws_kms_key.this.arn
}

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.this.id
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each  = toset(var.alarm_emails)
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

data "aws_iam_policy_document" "alarms" {
  statement {
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com", "events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

# A container that ended with another code than 0, or had no chance to begin.
resource "aws_cloudwatch_event_rule" "failed" {
  name = "${local.name}-failed"
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = [aws_ecs_cluster.this.arn]
      lastStatus = ["STOPPED"]
      containers = { exitCode = [{ anything-but = [0] }, { exists = false }] }
    }
  })
}

resource "aws_cloudwatch_event_target" "failed" {
  rule = aws_cloudwatch_event_rule.failed.name
  arn  = aws_sns_topic.alarms.arn
}

resource "aws_cloudwatch_log_metric_filter" "finished" {
  name           = "${local.name}-finished"
  log_group_name = aws_cloudwatch_log_group.this.name
  pattern        = "\"${local.said_at_the_end}\""
  metric_transformation {
    name      = "finished"
    namespace = local.name
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "missing" {
  count               = var.is_scheduled ? 1 : 0
  alarm_name          = "${local.name}-missing"
  alarm_description   = "No run came to its end within a day"
  namespace           = local.name
  metric_name         = "finished"
  statistic           = "Sum"
  period              = 86400
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
