output "command_queue_url" {
  description = "For --command-queue of the bridge, and for whoever sends commands."
  value       = aws_sqs_queue.commands.url
}

output "result_queue_urls" {
  description = "By their names, for --result-queue NAME=URL of the bridge, and for whoever collects results."
  value       = { for name, queue in aws_sqs_queue.results : name => queue.url }
}

output "dead_letter_queue_names" {
  description = "For alarms on ApproximateNumberOfMessagesVisible: a message there is a command or a result that was given up."
  value       = [for queue in concat([aws_sqs_queue.commands_dead_letters], values(aws_sqs_queue.results_dead_letters)) : queue.name]
}

output "role_arns" {
  description = "The roles that were made, by their names in assume_role_policies."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}

output "policies" {
  description = "The policies as JSON, for roles that exist already: bridge, producer, consumer-NAME."
  value       = local.policies
}
