# The queues. Each has a dead letter queue of its own, is encrypted, and takes no call without TLS.

locals {
  suffix = var.fifo ? ".fifo" : ""

  # The most that SQS takes. What Terraform sets by itself is 256 KiB, so the same log takes four times as many messages. It holds for
  # the dead letter queues too, which get the same messages.
  max_message_size = 1024 * 1024

  # 14 days, the most that SQS keeps. In a standard queue this counts from when the message was sent, not from when it was given up.
  dead_letter_retention = 14 * 24 * 60 * 60

  queues = merge(
    { "commands" = aws_sqs_queue.commands, "commands-dead-letters" = aws_sqs_queue.commands_dead_letters },
    { for name, queue in aws_sqs_queue.results : "results-${name}" => queue },
    { for name, queue in aws_sqs_queue.results_dead_letters : "results-${name}-dead-letters" => queue },
  )
}

resource "aws_sqs_queue" "commands" {
  name                       = "${var.name}-commands${local.suffix}"
  fifo_queue                 = var.fifo
  max_message_size           = local.max_message_size
  visibility_timeout_seconds = 60
  kms_master_key_id          = var.kms_key_arn
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.commands_dead_letters.arn
    # With fewer, a deployment or two give up a healthy command. What the bridge receives for the last time it answers and deletes.
    maxReceiveCount = 5
  })
}

resource "aws_sqs_queue" "commands_dead_letters" {
  name                      = "${var.name}-commands-dead-letters${local.suffix}"
  fifo_queue                = var.fifo
  max_message_size          = local.max_message_size
  message_retention_seconds = local.dead_letter_retention
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  tags                      = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "commands" {
  queue_url = aws_sqs_queue.commands_dead_letters.url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.commands.arn]
  })
}

resource "aws_sqs_queue" "results" {
  for_each = var.result_queues

  name                       = "${var.name}-results-${each.key}${local.suffix}"
  fifo_queue                 = var.fifo
  max_message_size           = local.max_message_size
  visibility_timeout_seconds = 60
  kms_master_key_id          = var.kms_key_arn
  sqs_managed_sse_enabled    = var.kms_key_arn == null ? true : null
  tags                       = var.tags

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.results_dead_letters[each.key].arn
    maxReceiveCount     = each.value.max_receive_count
  })
}

resource "aws_sqs_queue" "results_dead_letters" {
  for_each = var.result_queues

  name                      = "${var.name}-results-${each.key}-dead-letters${local.suffix}"
  fifo_queue                = var.fifo
  max_message_size          = local.max_message_size
  message_retention_seconds = local.dead_letter_retention
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  tags                      = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "results" {
  for_each = var.result_queues

  queue_url = aws_sqs_queue.results_dead_letters[each.key].url

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.results[each.key].arn]
  })
}

# It allows nothing: that is for the policies of roles.
data "aws_iam_policy_document" "tls_only" {
  for_each = local.queues

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "tls_only" {
  for_each = local.queues

  queue_url = each.value.url
  policy    = data.aws_iam_policy_document.tls_only[each.key].json
}
