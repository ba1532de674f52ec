# Who may do what: one identity for each kind of process, with no more than it needs.
locals {
  # runs: the containers of runs and the GPU workers. sensor: looks at what was dropped. worker: starts the containers.
  identities = toset(["server", "sensor", "worker", "runs", "cluster"])
}

resource "azurerm_user_assigned_identity" "main" {
  for_each            = local.identities
  name                = "${var.name}-${each.key}"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  tags                = local.tags
}

resource "azurerm_container_registry" "images" {
  name                   = "${var.name}restyle"
  resource_group_name    = azurerm_resource_group.main.name
  location               = var.location
  sku                    = "Standard"
  admin_enabled          = false
  anonymous_pull_enabled = false
  tags                   = local.tags
}

resource "azurerm_role_assignment" "pull" {
  for_each             = toset(["server", "sensor", "worker", "runs"])
  scope                = azurerm_container_registry.images.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_user_assigned_identity.main[each.key].principal_id
}

resource "azurerm_role_assignment" "nodes_pull" {
  scope                = azurerm_container_registry.images.id
  role_definition_name = "AcrPull"
  principal_id         = azurerm_kubernetes_cluster.gpus.kubelet_identity[0].object_id
}

# The sensor moves aside what cannot be followed and writes receipts; runs read and write all that is theirs.
resource "azurerm_role_assignment" "stores" {
  for_each = {
    for pair in setproduct(["sensor", "runs"], ["data", "control"]) : join("-", pair) => { who = pair[0], store = pair[1] }
  }
  scope                = "${azurerm_storage_account.main[each.value.store].id}/blobServices/default/containers/${each.value.store}"
  role_definition_name = "Storage Blob Data Contributor"
  principal_id         = azurerm_user_assigned_identity.main[each.value.who].principal_id
  depends_on           = [azurerm_storage_container.main]
}

resource "azurerm_role_assignment" "sensor_queue" {
  for_each             = azurerm_storage_queue.main
  scope                = each.value.id
  role_definition_name = "Storage Queue Data Contributor"
  principal_id         = azurerm_user_assigned_identity.main["sensor"].principal_id
}

resource "azurerm_role_assignment" "worker_starts_containers" {
  scope                = azurerm_resource_group.runs.id
  role_definition_name = "Azure Container Instances Contributor Role"
  principal_id         = azurerm_user_assigned_identity.main["worker"].principal_id
}

resource "azurerm_role_assignment" "worker_gives_identity" {
  scope                = azurerm_user_assigned_identity.main["runs"].id
  role_definition_name = "Managed Identity Operator"
  principal_id         = azurerm_user_assigned_identity.main["worker"].principal_id
}

# No built-in role lets a container join a subnet and no more.
resource "azurerm_role_definition" "join_subnet" {
  name        = "${var.name} restyle: join a subnet"
  scope       = azurerm_virtual_network.main.id
  description = "Put containers into a subnet."
  permissions {
    actions = ["Microsoft.Network/virtualNetworks/subnets/read", "Microsoft.Network/virtualNetworks/subnets/join/action"]
  }
}

resource "azurerm_role_assignment" "worker_joins_subnet" {
  scope              = azurerm_subnet.main["runs"].id
  role_definition_id = azurerm_role_definition.join_subnet.role_definition_resource_id
  principal_id       = azurerm_user_assigned_identity.main["worker"].principal_id
}

# The cluster puts its nodes and its load balancer into its subnet.
resource "azurerm_role_assignment" "cluster_network" {
  scope                = azurerm_subnet.main["cluster"].id
  role_definition_name = "Network Contributor"
  principal_id         = azurerm_user_assigned_identity.main["cluster"].principal_id
}

# Pods of the service account `restyle` are the identity `runs`.
resource "azurerm_federated_identity_credential" "pods" {
  name                      = "pods"
  user_assigned_identity_id = azurerm_user_assigned_identity.main["runs"].id
  audience                  = ["api://AzureADTokenExchange"]
  issuer                    = azurerm_kubernetes_cluster.gpus.oidc_issuer_url
  subject                   = "system:serviceaccount:restyle:restyle"
}
