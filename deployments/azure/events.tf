# Event Grid tells of each video and trigger that is dropped into the data store, in a queue of the control store, which it
# enters by its own identity.
resource "azurerm_eventgrid_system_topic" "data" {
  name                = "${var.name}-data"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  source_resource_id  = azurerm_storage_account.main["data"].id
  topic_type          = "Microsoft.Storage.StorageAccounts"
  tags                = local.tags
  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_role_assignment" "events_to_queue" {
  scope                = azurerm_storage_queue.main["dropped"].id
  role_definition_name = "Storage Queue Data Message Sender"
  principal_id         = azurerm_eventgrid_system_topic.data.identity[0].principal_id
}

resource "azurerm_eventgrid_system_topic_event_subscription" "dropped" {
  # Runs write thousands of blobs themselves: only the places where people drop things count.
  for_each             = toset(["inbox", "triggers"])
  name                 = each.key
  resource_group_name  = azurerm_resource_group.main.name
  system_topic         = azurerm_eventgrid_system_topic.data.name
  included_event_types = ["Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"]

  subject_filter {
    subject_begins_with = "/blobServices/default/containers/data/blobs/${each.key}/"
  }
  delivery_identity {
    type = "SystemAssigned"
  }
  storage_queue_endpoint {
    storage_account_id                    = azurerm_storage_account.main["control"].id
    queue_name                            = azurerm_storage_queue.main["dropped"].name
    queue_message_time_to_live_in_seconds = 604800
  }
  retry_policy {
    event_time_to_live    = 1440
    max_delivery_attempts = 30
  }
  depends_on = [azurerm_role_assignment.events_to_queue]
}
