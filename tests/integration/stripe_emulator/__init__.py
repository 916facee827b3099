"""The Stripe emulator, as a real process spoken to by stripe-python."""
