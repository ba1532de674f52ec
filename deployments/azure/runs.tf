# Azure Container Instances: the sensor, the worker that starts runs, and, made by it, a container for each run.
locals {
  # In the words of restyle/settings.py; tests hold these names against it.
  stores_environment = {
    RESTYLE_DATA_STORE    = local.data_store
    RESTYLE_CONTROL_STORE = local.control_store
  }
  run_environment = merge(local.stores_environment, {
    RESTYLE_CLUSTER     = "tcp://${local.scheduler_address}:8786"
    RESTYLE_MAX_WORKERS = tostring(var.gpu_most)
    AZURE_CLIENT_ID     = azurerm_user_assigned_identity.main["runs"].client_id
  })
  cpu_image = "${azurerm_container_registry.images.login_server}/restyle-cpu:${var.image_tag}"

  # The work pool's form, filled in: python -m flows.serving --container-instances takes it.
  container_instances = jsonencode({
    image               = local.cpu_image
    subscription_id     = var.subscription_id
    resource_group_name = azurerm_resource_group.runs.name
    identities          = [azurerm_user_assigned_identity.main["runs"].id]
    image_registry = {
      registry_url = azurerm_container_registry.images.login_server
      identity     = azurerm_user_assigned_identity.main["runs"].id
    }
    subnet_ids = [azurerm_subnet.main["runs"].id]
    cpu        = var.run_cores
    memory     = var.run_memory_gb
    entrypoint = ""
    env        = local.run_environment
  })
}

resource "azurerm_container_group" "sensor" {
  name                = "sensor"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  os_type             = "Linux"
  ip_address_type     = "Private"
  subnet_ids          = [azurerm_subnet.main["runs"].id]
  restart_policy      = "Always"
  tags                = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.main["sensor"].id]
  }
  image_registry_credential {
    server                    = azurerm_container_registry.images.login_server
    user_assigned_identity_id = azurerm_user_assigned_identity.main["sensor"].id
  }
  container {
    name     = "sensor"
    image    = local.cpu_image
    cpu      = 0.5
    memory   = 1
    commands = ["tini", "--", "python", "-m", "flows.watch_store", "--every", "10", "--alive", "/tmp/alive"]
    environment_variables = merge(local.stores_environment, {
      RESTYLE_EVENT_QUEUE = local.event_queue
      AZURE_CLIENT_ID     = azurerm_user_assigned_identity.main["sensor"].client_id
      PREFECT_API_URL     = local.api_url
    })
    secure_environment_variables = {
      PREFECT_API_AUTH_STRING = local.auth_string
    }
    # A look touches the file; one that hangs does not.
    liveness_probe {
      exec                  = ["/bin/sh", "-c", "test -n \"$(find /tmp/alive -mmin -5)\""]
      initial_delay_seconds = 120
      period_seconds        = 60
    }
    # A private group must have a port; nothing listens there.
    ports {
      port     = 8080
      protocol = "TCP"
    }
  }
  diagnostics {
    log_analytics {
      workspace_id  = azurerm_log_analytics_workspace.main.workspace_id
      workspace_key = azurerm_log_analytics_workspace.main.primary_shared_key
    }
  }
  depends_on = [azurerm_role_assignment.pull, azurerm_role_assignment.stores, azurerm_role_assignment.sensor_queue]
}

resource "azurerm_container_group" "worker" {
  name                = "worker"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  os_type             = "Linux"
  ip_address_type     = "Private"
  subnet_ids          = [azurerm_subnet.main["runs"].id]
  restart_policy      = "Always"
  tags                = local.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.main["worker"].id]
  }
  image_registry_credential {
    server                    = azurerm_container_registry.images.login_server
    user_assigned_identity_id = azurerm_user_assigned_identity.main["worker"].id
  }
  # Makes the work pool and the deployments first; it ends before the worker starts.
  init_container {
    name     = "deployments"
    image    = local.cpu_image
    commands = ["python", "-m", "flows.serving", "--container-instances", local.container_instances]
    environment_variables = {
      PREFECT_API_URL = local.api_url
    }
    secure_environment_variables = {
      PREFECT_API_AUTH_STRING = local.auth_string
    }
  }
  container {
    name     = "worker"
    image    = local.cpu_image
    cpu      = 0.5
    memory   = 1
    commands = ["tini", "--", "prefect", "worker", "start", "--pool", "restyle", "--type", "azure-container-instance", "--with-healthcheck"]
    environment_variables = {
      PREFECT_API_URL = local.api_url
      AZURE_CLIENT_ID = azurerm_user_assigned_identity.main["worker"].client_id
    }
    secure_environment_variables = {
      PREFECT_API_AUTH_STRING = local.auth_string
    }
    liveness_probe {
      http_get {
        path   = "/health"
        port   = 8080
        scheme = "http"
      }
      initial_delay_seconds = 120
      period_seconds        = 60
    }
    ports {
      port     = 8080
      protocol = "TCP"
    }
  }
  diagnostics {
    log_analytics {
      workspace_id  = azurerm_log_analytics_workspace.main.workspace_id
      workspace_key = azurerm_log_analytics_workspace.main.primary_shared_key
    }
  }
  depends_on = [
    azurerm_role_assignment.pull,
    azurerm_role_assignment.worker_starts_containers,
    azurerm_role_assignment.worker_gives_identity,
    azurerm_role_assignment.worker_joins_subnet,
  ]
}
