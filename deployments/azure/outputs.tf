# What you need to know of it.
output "dashboard" {
  value       = "https://${azurerm_container_app.server.ingress[0].fqdn}"
  description = "The dashboard, from team_addresses; it asks for the password below."
}

output "password" {
  value       = local.auth_string
  description = "For the dashboard, and PREFECT_API_AUTH_STRING of any client."
  sensitive   = true
}

output "data_store" {
  value       = local.data_store
  description = "RESTYLE_DATA_STORE: drop videos into inbox/STYLE/ of it."
}

output "control_store" {
  value       = local.control_store
  description = "RESTYLE_CONTROL_STORE, reached from inside only."
}

output "registry" {
  value       = azurerm_container_registry.images.name
  description = "For az acr run."
}
