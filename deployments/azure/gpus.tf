# The Kubernetes cluster that paints: one small node for the operator and the scheduler, and GPU nodes, none to gpu_most.
resource "azurerm_kubernetes_cluster" "gpus" {
  name                              = "${var.name}-restyle"
  resource_group_name               = azurerm_resource_group.main.name
  node_resource_group               = "${var.name}-restyle-nodes"
  location                          = var.location
  dns_prefix                        = var.name
  sku_tier                          = "Free"
  automatic_upgrade_channel         = "patch"
  private_cluster_enabled           = true
  local_account_disabled            = true
  oidc_issuer_enabled               = true
  workload_identity_enabled         = true
  role_based_access_control_enabled = true
  tags                              = local.tags

  azure_active_directory_role_based_access_control {
    azure_rbac_enabled = true
  }
  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.main["cluster"].id]
  }
  node_provisioning_profile {
    mode = "Manual"
  }
  default_node_pool {
    name            = "system"
    vm_size         = "Standard_D2as_v5"
    node_count      = 1
    os_disk_size_gb = 64
    vnet_subnet_id  = azurerm_subnet.main["cluster"].id
    upgrade_settings {
      max_surge = "1"
    }
  }
  network_profile {
    network_plugin      = "azure"
    network_plugin_mode = "overlay"
    network_data_plane  = "cilium"
    network_policy      = "cilium"
    outbound_type       = "userAssignedNATGateway"
    load_balancer_sku   = "standard"
  }
  oms_agent {
    log_analytics_workspace_id      = azurerm_log_analytics_workspace.main.id
    msi_auth_for_monitoring_enabled = true
  }
  depends_on = [azurerm_role_assignment.cluster_network, azurerm_subnet_nat_gateway_association.out]
}

resource "azurerm_kubernetes_cluster_node_pool" "gpus" {
  name                  = "gpus"
  kubernetes_cluster_id = azurerm_kubernetes_cluster.gpus.id
  vm_size               = var.gpu_size
  vnet_subnet_id        = azurerm_subnet.main["cluster"].id
  os_disk_size_gb       = 128
  auto_scaling_enabled  = true
  min_count             = 0
  max_count             = var.gpu_most
  priority              = var.gpu_spot ? "Spot" : "Regular"
  eviction_policy       = var.gpu_spot ? "Delete" : null
  spot_max_price        = var.gpu_spot ? -1 : null
  node_taints           = concat(["sku=gpu:NoSchedule"], var.gpu_spot ? ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule"] : [])
  node_labels           = var.gpu_spot ? { "kubernetes.azure.com/scalesetpriority" = "spot" } : {}
  tags                  = local.tags
}

data "azurerm_client_config" "me" {}

# Who sets this up may command the cluster.
resource "azurerm_role_assignment" "me" {
  scope                = azurerm_kubernetes_cluster.gpus.id
  role_definition_name = "Azure Kubernetes Service RBAC Cluster Admin"
  principal_id         = data.azurerm_client_config.me.object_id
}

# The manifests of deployments/kubernetes/painting, with what is known only here. It holds the API's password: git ignores it.
resource "local_sensitive_file" "kustomization" {
  filename        = "${path.module}/rendered/kustomization.yaml"
  file_permission = "0600"
  content = templatefile("${path.module}/kustomization.yaml.tftpl", {
    api_url           = local.api_url
    auth_string       = local.auth_string
    stores            = local.stores_environment
    client_id         = azurerm_user_assigned_identity.main["runs"].client_id
    registry          = azurerm_container_registry.images.login_server
    image_tag         = var.image_tag
    scheduler_address = local.scheduler_address
    gpu_most          = var.gpu_most
  })
}

# The cluster's API is private: Azure runs the commands inside.
resource "terraform_data" "painting" {
  triggers_replace = [
    local_sensitive_file.kustomization.content_sha256,
    sha256(join("", [for file in fileset("${path.module}/../kubernetes/painting", "*") : filesha256("${path.module}/../kubernetes/painting/${file}")])),
    filesha256("${path.module}/nvidia/device-plugin.yaml"),
  ]
  provisioner "local-exec" {
    working_dir = "${path.module}/.."
    command = join(" ", [
      "az aks command invoke --resource-group ${azurerm_resource_group.main.name} --name ${azurerm_kubernetes_cluster.gpus.name} --file .",
      "--command 'helm upgrade --install dask-operator dask-kubernetes-operator --repo https://helm.dask.org --version ${local.operator_version}",
      "--namespace dask-operator --create-namespace --wait && kubectl apply --kustomize azure/rendered'",
    ])
  }
  depends_on = [azurerm_kubernetes_cluster_node_pool.gpus, azurerm_role_assignment.me, azurerm_federated_identity_credential.pods]
}

locals {
  operator_version = "2026.3.0"
}
