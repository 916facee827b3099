"""E-mails: posted with the data they tell of, sent by a job."""
