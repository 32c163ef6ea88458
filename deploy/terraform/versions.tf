terraform {
  # The first with defaults of optional attributes in variables.
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first that allows messages of 1 MiB.
      version = ">= 6.8"
    }
  }
}
