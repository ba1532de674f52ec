# Two storage accounts: data, which outsiders may be let into, and control (weights, plans, ledgers, the queue), which they
# may not. No account key works on either; a SAS is signed by a person's or a machine's own identity, for 7 days at most.
locals {
  stores = {
    data    = { addresses = var.outsider_addresses }
    control = { addresses = [] }
  }
  # What private endpoints there are.
  endpoints = {
    data-blob     = { store = "data", service = "blob" }
    control-blob  = { store = "control", service = "blob" }
    control-queue = { store = "control", service = "queue" }
  }
  data_store    = "https://${azurerm_storage_account.main["data"].name}.blob.core.windows.net/data"
  control_store = "https://${azurerm_storage_account.main["control"].name}.blob.core.windows.net/control"
  event_queue   = "https://${azurerm_storage_account.main["control"].name}.queue.core.windows.net/dropped"
}

resource "azurerm_storage_account" "main" {
  for_each                          = local.stores
  name                              = "${var.name}restyle${each.key}"
  resource_group_name               = azurerm_resource_group.main.name
  location                          = var.location
  account_tier                      = "Standard"
  account_replication_type          = "ZRS"
  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  shared_access_key_enabled         = false
  default_to_oauth_authentication   = true
  local_user_enabled                = false
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  infrastructure_encryption_enabled = true
  tags                              = local.tags

  # From outside: nobody, but for the addresses given. Event Grid comes in by the exception for trusted services, which
  # would end if the public endpoint were switched off altogether.
  network_rules {
    default_action = "Deny"
    bypass         = ["AzureServices"]
    ip_rules       = each.value.addresses
  }
  sas_policy {
    expiration_period = "07.00:00:00"
    expiration_action = "Block"
  }
  blob_properties {
    versioning_enabled = each.key == "control"
    delete_retention_policy {
      days = var.recoverable_days
    }
    container_delete_retention_policy {
      days = var.recoverable_days
    }
  }
}

resource "azurerm_storage_container" "main" {
  for_each              = local.stores
  name                  = each.key
  storage_account_id    = azurerm_storage_account.main[each.key].id
  container_access_type = "private"
}

# What was dropped into the data store, and what nobody could follow in five tries.
resource "azurerm_storage_queue" "main" {
  for_each           = toset(["dropped", "dropped-dead-letters"])
  name               = each.key
  storage_account_id = azurerm_storage_account.main["control"].id
}

# Frames go when an output is verified; those that a failed run left go by this. Outputs, reports and videos stay.
resource "azurerm_storage_management_policy" "main" {
  for_each           = local.stores
  storage_account_id = azurerm_storage_account.main[each.key].id

  dynamic "rule" {
    for_each = each.key == "data" ? ["frames"] : []
    content {
      name    = "frames-expire"
      enabled = true
      filters {
        prefix_match = ["data/work/"]
        blob_types   = ["blockBlob"]
      }
      actions {
        base_blob {
          delete_after_days_since_modification_greater_than = var.frames_kept_days
        }
      }
    }
  }
  dynamic "rule" {
    for_each = each.key == "control" ? ["logs", "versions"] : []
    content {
      name    = "${rule.value}-expire"
      enabled = true
      filters {
        prefix_match = rule.value == "logs" ? ["control/logs/"] : ["control/"]
        blob_types   = ["blockBlob"]
      }
      actions {
        dynamic "base_blob" {
          for_each = rule.value == "logs" ? [1] : []
          content {
            delete_after_days_since_modification_greater_than = 180
          }
        }
        version {
          delete_after_days_since_creation = 30
        }
      }
    }
  }
}

resource "azurerm_private_endpoint" "main" {
  for_each            = local.endpoints
  name                = each.key
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  subnet_id           = azurerm_subnet.main["endpoints"].id
  tags                = local.tags

  private_service_connection {
    name                           = each.key
    private_connection_resource_id = azurerm_storage_account.main[each.value.store].id
    subresource_names              = [each.value.service]
    is_manual_connection           = false
  }
  private_dns_zone_group {
    name                 = "names"
    private_dns_zone_ids = [azurerm_private_dns_zone.main["privatelink.${each.value.service}.core.windows.net"].id]
  }
}
