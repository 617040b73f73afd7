"""The widget: plain JavaScript that pages load from this service. `releases` serves its files."""
