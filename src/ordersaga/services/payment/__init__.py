"""The payment sandbox: charges and refunds with Stripe's documented test payment methods, without real money."""
