"""What requests cost: prices of models, by LLM tokens, in millionths of a currency's unit."""
