"""What changes without code: forms, units and their events, calendar and rules, read from files and copied to the warehouse."""
