# Which Terraform and which providers this was written for; schemas in provider-schema.json are of the same versions.
terraform {
  required_version = ">= 1.9"
  required_providers {
    azurerm = { source = "hashicorp/azurerm", version = "~> 5.10" }
    random  = { source = "hashicorp/random", version = "~> 3.7" }
    local   = { source = "hashicorp/local", version = "~> 2.5" }
  }
}

provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true
  features {
    # The control store is behind private endpoints, where this machine is not.
    storage {
      data_plane_available = false
    }
  }
}
