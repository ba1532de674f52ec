# Prefect's server and dashboard: one container app, on a PostgreSQL that only it reaches.
resource "random_password" "database" {
  length  = 40
  special = false
}

# Who speaks to the server's API says this: the team's browsers, the sensor, the worker, runs and GPU workers.
resource "random_password" "api" {
  length  = 40
  special = false
}

locals {
  api_url     = "https://prefect.${azurerm_container_app_environment.main.default_domain}/api"
  auth_string = "restyle:${random_password.api.result}"
}

resource "azurerm_postgresql_flexible_server" "main" {
  name                          = "${var.name}-restyle"
  resource_group_name           = azurerm_resource_group.main.name
  location                      = var.location
  version                       = "17"
  sku_name                      = "B_Standard_B1ms"
  storage_mb                    = 32768
  backup_retention_days         = 7
  administrator_login           = "prefect"
  administrator_password        = random_password.database.result
  delegated_subnet_id           = azurerm_subnet.main["database"].id
  private_dns_zone_id           = azurerm_private_dns_zone.main["restyle.postgres.database.azure.com"].id
  public_network_access_enabled = false
  tags                          = local.tags
  depends_on                    = [azurerm_private_dns_zone_virtual_network_link.main]
  lifecycle {
    ignore_changes = [zone]
  }
}

resource "azurerm_postgresql_flexible_server_database" "prefect" {
  name      = "prefect"
  server_id = azurerm_postgresql_flexible_server.main.id
}

resource "azurerm_container_app_environment" "main" {
  name                       = "restyle"
  resource_group_name        = azurerm_resource_group.main.name
  location                   = var.location
  infrastructure_subnet_id   = azurerm_subnet.main["server"].id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id
  logs_destination           = "log-analytics"
  tags                       = local.tags
  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }
}

resource "azurerm_container_app" "server" {
  name                         = "prefect"
  resource_group_name          = azurerm_resource_group.main.name
  container_app_environment_id = azurerm_container_app_environment.main.id
  revision_mode                = "Single"
  workload_profile_name        = "Consumption"
  tags                         = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.main["server"].id]
  }
  registry {
    server   = azurerm_container_registry.images.login_server
    identity = azurerm_user_assigned_identity.main["server"].id
  }
  secret {
    name  = "database"
    value = "postgresql+asyncpg://prefect:${random_password.database.result}@${azurerm_postgresql_flexible_server.main.fqdn}/prefect?ssl=require"
  }
  secret {
    name  = "api"
    value = local.auth_string
  }
  template {
    # Exactly one: its schedules and limits are held in memory beside the database.
    min_replicas = 1
    max_replicas = 1
    container {
      name   = "server"
      image  = "${azurerm_container_registry.images.login_server}/restyle-cpu:${var.image_tag}"
      cpu    = 1
      memory = "2Gi"
      args   = ["prefect", "server", "start", "--host", "0.0.0.0", "--port", "4200"]
      env {
        name        = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
        secret_name = "database"
      }
      env {
        name        = "PREFECT_SERVER_API_AUTH_STRING"
        secret_name = "api"
      }
      env {
        name  = "PREFECT_SERVER_LOGGING_LEVEL"
        value = "WARNING"
      }
      env {
        name  = "PREFECT_UI_API_URL"
        value = local.api_url
      }
      startup_probe {
        transport               = "TCP"
        port                    = 4200
        interval_seconds        = 10
        failure_count_threshold = 30
      }
      liveness_probe {
        transport = "TCP"
        port      = 4200
      }
    }
  }
  ingress {
    external_enabled           = true
    target_port                = 4200
    allow_insecure_connections = false
    traffic_weight {
      percentage      = 100
      latest_revision = true
    }
    dynamic "ip_security_restriction" {
      for_each = concat(var.team_addresses, ["${azurerm_public_ip.out.ip_address}/32"])
      content {
        name             = "address-${ip_security_restriction.key}"
        action           = "Allow"
        ip_address_range = ip_security_restriction.value
      }
    }
  }
  depends_on = [azurerm_role_assignment.pull]
}
