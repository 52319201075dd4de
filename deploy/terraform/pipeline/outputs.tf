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
