"""What a customer has in all rooms of the shop together: claimed, exported, forgotten."""
