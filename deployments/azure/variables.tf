# What is yours: set it in terraform.tfvars (git ignores it), after terraform.tfvars.example.
variable "subscription_id" {
  type        = string
  description = "The subscription that pays."
}

variable "name" {
  type        = string
  description = "Begins every name: 3 to 12 small letters and digits, unlike anyone else's."
  validation {
    condition     = can(regex("^[a-z][a-z0-9]{2,11}$", var.name))
    error_message = "name: 3 to 12 small letters and digits, a letter first."
  }
}

variable "location" {
  type        = string
  description = "A region where you have quota for gpu_size."
  default     = "westeurope"
}

variable "team_addresses" {
  type        = list(string)
  description = "Address ranges from which your team reaches the dashboard, as CIDR."
}

variable "outsider_addresses" {
  type        = list(string)
  description = "Address ranges from which the data store is reached from outside, as CIDR or single IPv4 addresses."
  default     = []
}

variable "image_tag" {
  type        = string
  description = "The tag of the images that docker/acr-build.yaml pushed."
  default     = "0.1.0"
}

variable "gpu_size" {
  type        = string
  description = "The machine that paints, with one GPU."
  default     = "Standard_NC4as_T4_v3"
}

variable "gpu_most" {
  type        = number
  description = "How many of them at most; the least is none."
  default     = 4
}

variable "gpu_spot" {
  type        = bool
  description = "Whether they are spot machines: cheaper, and taken away at any time, which costs a batch each."
  default     = true
}

variable "run_cores" {
  type        = number
  description = "Cores of the container that conducts one run: it splits, uploads and puts together."
  default     = 4
}

variable "run_memory_gb" {
  type        = number
  description = "Memory of that container, in GB."
  default     = 8
}

variable "frames_kept_days" {
  type        = number
  description = "After so many days, frames that a failed run left are deleted from the data store. Outputs stay."
  default     = 30
}

variable "recoverable_days" {
  type        = number
  description = "For so many days, what was deleted can be brought back."
  default     = 7
}

variable "budget_per_month" {
  type        = number
  description = "In the subscription's currency: a mail at 50, 80 and 100 per cent of it. It stops nothing."
  default     = 500
}

variable "alert_addresses" {
  type        = list(string)
  description = "Who gets those mails."
}
