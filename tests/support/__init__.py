"""What tests share: real servers, shoppers, browsers, and ways to look at them."""
