"""What is known of Google's and OpenAI's APIs: model, quota scope, LLM tokens, refusals; pure."""
