"""What everything else uses: settings, findings and their words, Vietnamese text, codes of receipts, secrets."""
