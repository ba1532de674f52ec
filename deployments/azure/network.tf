# One virtual network, a subnet for each kind of thing, one way out, and names that lead to the private endpoints.
resource "azurerm_resource_group" "main" {
  name     = "${var.name}-restyle"
  location = var.location
  tags     = local.tags
}

# Containers of runs come and go here: the worker may make and delete them, and nothing else.
resource "azurerm_resource_group" "runs" {
  name     = "${var.name}-restyle-runs"
  location = var.location
  tags     = local.tags
}

locals {
  tags = { application = "restyle" }

  subnets = {
    endpoints = { range = "10.20.0.0/24", delegation = null }
    runs      = { range = "10.20.1.0/24", delegation = "Microsoft.ContainerInstance/containerGroups" }
    server    = { range = "10.20.2.0/24", delegation = "Microsoft.App/environments" }
    database  = { range = "10.20.3.0/28", delegation = "Microsoft.DBforPostgreSQL/flexibleServers" }
    cluster   = { range = "10.20.8.0/22", delegation = null }
  }
  # The Dask scheduler, at an address of the cluster's subnet that stays.
  scheduler_address = "10.20.11.250"
}

resource "azurerm_virtual_network" "main" {
  name                = "restyle"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  address_space       = ["10.20.0.0/16"]
  tags                = local.tags
}

resource "azurerm_subnet" "main" {
  for_each                          = local.subnets
  name                              = each.key
  resource_group_name               = azurerm_resource_group.main.name
  virtual_network_name              = azurerm_virtual_network.main.name
  address_prefixes                  = [each.value.range]
  default_outbound_access_enabled   = false
  private_endpoint_network_policies = "Enabled"
  dynamic "delegation" {
    for_each = each.value.delegation == null ? [] : [each.value.delegation]
    content {
      name = "service"
      service_delegation {
        name = delegation.value
      }
    }
  }
}

# Nothing comes in from outside; a Dask scheduler runs what it is sent, so only runs and workers reach it.
resource "azurerm_network_security_group" "inside" {
  name                = "inside"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  tags                = local.tags

  security_rule {
    name                       = "scheduler-for-runs"
    priority                   = 100
    direction                  = "Inbound"
    access                     = "Allow"
    protocol                   = "Tcp"
    source_address_prefixes    = [local.subnets.runs.range, local.subnets.cluster.range]
    source_port_range          = "*"
    destination_address_prefix = "*"
    destination_port_range     = "8786"
  }
  security_rule {
    name                       = "scheduler-for-nobody-else"
    priority                   = 110
    direction                  = "Inbound"
    access                     = "Deny"
    protocol                   = "Tcp"
    source_address_prefix      = "*"
    source_port_range          = "*"
    destination_address_prefix = "*"
    destination_port_ranges    = ["8786", "8787"]
  }
  security_rule {
    name                       = "nothing-from-outside"
    priority                   = 4000
    direction                  = "Inbound"
    access                     = "Deny"
    protocol                   = "*"
    source_address_prefix      = "Internet"
    source_port_range          = "*"
    destination_address_prefix = "*"
    destination_port_range     = "*"
  }
}

resource "azurerm_subnet_network_security_group_association" "inside" {
  for_each                  = toset(["endpoints", "runs", "database", "cluster"])
  subnet_id                 = azurerm_subnet.main[each.key].id
  network_security_group_id = azurerm_network_security_group.inside.id
}

# The one address from which everything here speaks to the outside.
resource "azurerm_public_ip" "out" {
  name                = "out"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = local.tags
}

resource "azurerm_nat_gateway" "out" {
  name                = "out"
  resource_group_name = azurerm_resource_group.main.name
  location            = var.location
  sku_name            = "Standard"
  tags                = local.tags
}

resource "azurerm_nat_gateway_public_ip_association" "out" {
  nat_gateway_id       = azurerm_nat_gateway.out.id
  public_ip_address_id = azurerm_public_ip.out.id
}

resource "azurerm_subnet_nat_gateway_association" "out" {
  for_each       = toset(["runs", "cluster"])
  subnet_id      = azurerm_subnet.main[each.key].id
  nat_gateway_id = azurerm_nat_gateway.out.id
}

resource "azurerm_private_dns_zone" "main" {
  for_each            = toset(["privatelink.blob.core.windows.net", "privatelink.queue.core.windows.net", "restyle.postgres.database.azure.com"])
  name                = each.key
  resource_group_name = azurerm_resource_group.main.name
  tags                = local.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "main" {
  for_each            = azurerm_private_dns_zone.main
  name                = "restyle"
  private_dns_zone_id = each.value.id
  virtual_network_id  = azurerm_virtual_network.main.id
}
