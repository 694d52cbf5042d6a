"""What everything else uses: settings, findings and their words, whole files, Vietnamese text, codes of receipts, secrets."""
