# All logs in one place, and a mail before money runs out.
resource "azurerm_log_analytics_workspace" "main" {
  name                = "${var.name}-restyle"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  sku                 = "PerGB2018"
  retention_in_days   = 30
  daily_quota_gb      = 1
  tags                = local.tags
}

# Who read, wrote and deleted in the stores, and who asked the queue.
resource "azurerm_monitor_diagnostic_setting" "stores" {
  for_each                   = local.endpoints
  name                       = "restyle"
  target_resource_id         = "${azurerm_storage_account.main[each.value.store].id}/${each.value.service}Services/default"
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id
  # Of the data store only what is deleted, and by whom: reads and writes of frames are many and say little.
  dynamic "enabled_log" {
    for_each = each.value.store == "data" ? ["StorageDelete"] : ["StorageRead", "StorageWrite", "StorageDelete"]
    content {
      category = enabled_log.value
    }
  }
}

resource "azurerm_monitor_diagnostic_setting" "cluster" {
  name                       = "restyle"
  target_resource_id         = azurerm_kubernetes_cluster.gpus.id
  log_analytics_workspace_id = azurerm_log_analytics_workspace.main.id
  dynamic "enabled_log" {
    for_each = toset(["cluster-autoscaler", "kube-audit-admin", "guard"])
    content {
      category = enabled_log.value
    }
  }
}

resource "azurerm_consumption_budget_subscription" "main" {
  name            = "${var.name}-restyle"
  subscription_id = "/subscriptions/${var.subscription_id}"
  amount          = var.budget_per_month
  time_grain      = "Monthly"
  time_period {
    start_date = formatdate("YYYY-MM-01'T'00:00:00Z", timestamp())
  }
  # The GPUs are in the group of the cluster's nodes.
  filter {
    dimension {
      name   = "ResourceGroupName"
      values = [azurerm_resource_group.main.name, azurerm_resource_group.runs.name, azurerm_kubernetes_cluster.gpus.node_resource_group]
    }
  }
  dynamic "notification" {
    for_each = toset([50, 80, 100])
    content {
      threshold      = notification.value
      operator       = "GreaterThanOrEqualTo"
      threshold_type = notification.value == 100 ? "Forecasted" : "Actual"
      contact_emails = var.alert_addresses
    }
  }
  lifecycle {
    ignore_changes = [time_period]
  }
}
