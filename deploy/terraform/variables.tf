variable "name" {
  description = "What the names of all queues and roles begin with."
  type        = string
  default     = "gumshoe"
}

variable "result_queues" {
  description = <<-EOT
    The result queues, by the names that commands say in replyTo. Each reader should have one of its own. One that several
    `gumshoe run` share needs a max_receive_count of 1000, the most of SQS: they receive each other's messages many times.
  EOT
  type = map(object({
    max_receive_count = optional(number, 5)
  }))
  default = { engine = {} }

  validation {
    condition     = length(var.result_queues) > 0 && alltrue([for name in keys(var.result_queues) : can(regex("^[A-Za-z0-9_-]{1,32}$", name))])
    error_message = "There must be a result queue, and a name is 1 to 32 characters of A-Z, a-z, 0-9, _ and -."
  }
}

variable "fifo" {
  description = "Whether the queues are FIFO queues."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = <<-EOT
    The KMS key that the queues are encrypted with. Without it SQS encrypts with keys of its own, which costs nothing and cannot fail,
    but then whoever may receive a message may also read it, and CloudTrail does not tell who did. The policies of the roles allow the
    use of the key; the key's own policy must let IAM policies do so, as the one that AWS gives a new key does.
  EOT
  type        = string
  default     = null
}

variable "assume_role_policies" {
  description = <<-EOT
    Who may assume which role, as JSON of an IAM policy: a role is made for each of bridge, producer and consumer-NAME (NAME of a
    result queue) that stands here. For a role that exists already, take its policy from the output `policies`.
  EOT
  type        = map(string)
  default     = {}
}

variable "tags" {
  description = "Tags of all queues and roles."
  type        = map(string)
  default     = {}
}
