"""The operator's dashboard: pages over what is known of orders, and the decisions that a person takes."""
