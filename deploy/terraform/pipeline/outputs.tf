output "incoming" {
  description = "Bucket of the source files."
  value       = module.incoming.id
}

output "published" {
  description = "Bucket of the published files and the pages."
  value       = module.published.id
}

output "secret" {
  description = "Secret whose value is set by hand."
  value       = aws_secretsmanager_secret.this.name
}

output "readers" {
  description = "Role that each audience reads its tables by."
  value       = { for name, it in aws_iam_role.reader : name => it.arn }
}

output "parameter_groups" {
  description = "Parameters of the clusters whose changes are followed."
  value       = { for name, it in aws_rds_cluster_parameter_group.followed : name => it.name }
}
