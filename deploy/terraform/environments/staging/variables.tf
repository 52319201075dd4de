variable "region" {
  description = "Where everything is."
  type        = string
}

variable "image" {
  description = "The image of deploy/Containerfile, by its digest."
  type        = string
}

variable "aws_cli_image" {
  description = "The image of the AWS command line, by its digest."
  type        = string
}

variable "vpc_id" {
  description = "Network of the task."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets."
  type        = list(string)
}

variable "alarm_emails" {
  description = "Who is told."
  type        = list(string)
}

variable "databases" {
  description = "Databases that sources read."
  type = map(object({
    security_group_id = string
    port              = optional(number, 5432)
    followed_family   = optional(string)
  }))
  default = {}
}

variable "audiences" {
  description = "Who reads the tables of each audience."
  type        = map(list(string))
  default     = {}
}

variable "spark" {
  description = "A server of Spark Connect that computes the tables."
  type = object({
    cpu    = optional(number, 8192)
    memory = optional(number, 32768)
  })
  default = null
}
