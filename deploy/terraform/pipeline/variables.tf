variable "environment" {
  description = "Environment of luigi.cfg."
  type        = string
}

variable "image" {
  description = "The image of deploy/Containerfile in your registry, by its digest."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest: ...@sha256:..."
  }
}

variable "aws_cli_image" {
  description = "The image of the AWS command line, by its digest."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.aws_cli_image))
    error_message = "Name the image by its digest: ...@sha256:..."
  }
}

variable "vpc_id" {
  description = "Network of the task."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets with a way out to AWS and to whoever takes alerts."
  type        = list(string)
}

variable "secrets" {
  description = "Variables of the pipeline that the secret has: BENEPASS_HASH_KEY, BENEPASS_ALERT_WEBHOOK, what sources name."
  type        = list(string)
  default     = []
}

variable "databases" {
  description = "Databases that sources read, by name: the security group and port of each, and the family (aurora-postgresql15) of one whose changes are followed."
  type = map(object({
    security_group_id = string
    port              = optional(number, 5432)
    followed_family   = optional(string)
  }))
  default = {}
}

variable "audiences" {
  description = "Who reads the tables of an audience of catalog.yaml: the ARNs of users or roles, by its name."
  type        = map(list(string))
  default     = {}
}

variable "spark" {
  description = "Processors (1024 is one) and MiB of a server of Spark Connect that computes the tables; none if null."
  type = object({
    cpu    = optional(number, 8192)
    memory = optional(number, 32768)
  })
  default = null
}

variable "alarm_emails" {
  description = "Who is told of a run that failed or did not come."
  type        = list(string)
}

variable "schedule" {
  description = "When a run begins, UTC."
  type        = string
  default     = "cron(0 6 * * ? *)"
}

variable "is_scheduled" {
  description = "Whether runs begin by themselves."
  type        = bool
  default     = true
}

variable "cpu" {
  description = "Of the task; 1024 is a processor."
  type        = number
  default     = 2048
}

variable "memory" {
  description = "Of the task, MiB; memory_limit in luigi.cfg is less than half of it."
  type        = number
  default     = 4096
}

variable "keep_logs_days" {
  description = "How long logs stay."
  type        = number
  default     = 365
}
