terraform {
  required_version = ">= 1.9"
  # State holds names, no secrets; where it lies is told to `terraform init -backend-config=...`
  backend "s3" {
    key          = "benepass-tasks/dev"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = { project = "benepass-tasks", environment = "dev" }
  }
}

module "pipeline" {
  source        = "../../pipeline"
  environment   = "dev"
  image         = var.image
  aws_cli_image = var.aws_cli_image
  vpc_id        = var.vpc_id
  subnet_ids    = var.subnet_ids
  alarm_emails  = var.alarm_emails
  databases     = var.databases
  audiences     = var.audiences
  spark         = var.spark

  is_scheduled   = false
  keep_logs_days = 365
}
