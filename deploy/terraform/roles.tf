# What the bridge, a producer of commands and a consumer of results may do: the calls that they make, and no others. A test compares
# the actions with the calls that the programs were seen to make, and with docs/sqs.md.

locals {
  policies = merge(
    {
      bridge   = data.aws_iam_policy_document.bridge.json
      producer = data.aws_iam_policy_document.producer.json
    },
    { for name, policy in data.aws_iam_policy_document.consumer : "consumer-${name}" => policy.json },
  )
}

resource "aws_iam_role" "this" {
  for_each = var.assume_role_policies

  name               = "${var.name}-${each.key}"
  assume_role_policy = each.value
  tags               = var.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = var.assume_role_policies

  name   = "queues"
  role   = aws_iam_role.this[each.key].id
  policy = local.policies[each.key]
}

data "aws_iam_policy_document" "bridge" {
  statement {
    sid = "Commands"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [aws_sqs_queue.commands.arn]
  }

  statement {
    sid       = "Results"
    actions   = ["sqs:GetQueueAttributes", "sqs:SendMessage"]
    resources = [for queue in aws_sqs_queue.results : queue.arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      # For messages alone, not for all else that the key may encrypt.
      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["sqs.*"]
      }
    }
  }
}

data "aws_iam_policy_document" "producer" {
  statement {
    sid       = "Commands"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.commands.arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["sqs.*"]
      }
    }
  }
}

data "aws_iam_policy_document" "consumer" {
  for_each = var.result_queues

  statement {
    sid       = "Results"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"]
    resources = [aws_sqs_queue.results[each.key].arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["sqs.*"]
      }
    }
  }
}
