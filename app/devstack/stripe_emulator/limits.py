"""What of Stripe is not here, in one place: tests compare it with stripe-python's own declarations.

A parameter of Stripe's that the emulator would have to pretend to understand is refused, so that no shop believes it
works.
"""

from __future__ import annotations

from collections.abc import Mapping

API_VERSION = "2026-10-28.endive"  # stripe-python 16.1

IGNORED_PARAMETERS = frozenset(
    {  # accepted, without effect: they say more about a payment and do not change what happens to it
        "amount_details",
        "instructions_email",
        "mandate_data",
        "preferred_locales",
        "radar_options",
        "tax_exempt",
        "validate",
    }
)

REMOVED_PARAMETERS: Mapping[str, str] = {
    "payment_method_types": "payment_method_types_no_longer_supported",  # since 2026-09-30: Changelog, Endive
}

UNSUPPORTED_PARAMETERS = frozenset(
    {
        # Connect: other people's money
        "application_fee_amount", "connect", "on_behalf_of", "refund_application_fee", "reverse_transfer",
        "transfer_data", "transfer_group",
        # other ways to pay, and saved agreements
        "mandate", "payment_method_configuration", "payment_method_options", "customer_account", "origin",
        # captures in several parts, and amounts that change
        "amount_to_confirm", "final_capture", "hooks", "payment_details",
        # customers as Billing knows them
        "balance", "business_name", "cash_balance", "individual_name", "invoice_prefix", "invoice_settings",
        "next_invoice_sequence", "source", "tax", "tax_id_data", "test_clock",
        # refunds from a customer's balance, and cards of another account's customer: where `accept` does not name them
        "currency", "customer",
        # the rest
        "allow_redisplay", "api_version",
    }
)  # fmt: skip

OTHER_PAYMENT_METHODS = frozenset(
    {
        "acss_debit", "affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay", "au_becs_debit", "bacs_debit",
        "bancontact", "billie", "bizum", "blik", "boleto", "card_present", "cashapp", "crypto", "custom",
        "customer_balance", "eps", "fpx", "giropay", "grabpay", "ideal", "interac_present", "kakao_pay", "klarna",
        "konbini", "kr_card", "link", "mb_way", "mobilepay", "multibanco", "naver_pay", "nz_bank_account", "oxxo",
        "p24", "pay_by_bank", "payco", "paynow", "paypal", "paypay", "payto", "pix", "promptpay", "revolut_pay",
        "samsung_pay", "satispay", "scalapay", "sepa_debit", "sequra", "sofort", "sunbit", "swish", "twint", "upi",
        "us_bank_account", "wechat_pay", "zip",
    }
)  # fmt: skip

NOT_EMULATED_FIELDS: Mapping[str, frozenset[str]] = {  # by object: fields that Stripe may answer and this never does
    "payment_intent": frozenset(
        {"hooks", "managed_payments", "payment_details", "payment_record", "presentment_details"}
    ),
    "charge": frozenset({"authorization_code", "level3", "presentment_details", "refunds", "transfer"}),
    "refund": frozenset(
        {
            "customer", "customer_account", "description", "failure_balance_transaction",
            "instructions_email", "next_action", "payment_method", "pending_reason", "presentment_details",
        }
    ),
    "dispute": frozenset({"intended_submission_method", "network_reason_code"}),
    "payment_method": OTHER_PAYMENT_METHODS | {"radar_options"},
    "confirmation_token": frozenset({"metadata"}),
    "customer": frozenset(
        {
            "business_name", "cash_balance", "customer_account", "deleted", "discount", "individual_name",
            "invoice_credit_balance", "invoice_prefix", "invoice_settings", "next_invoice_sequence", "sources",
            "subscriptions", "tax", "tax_ids",
        }
    ),
    "event": frozenset({"account", "context"}),
    "webhook_endpoint": frozenset({"deleted", "secret"}),  # the secret is in the answer that creates it
}  # fmt: skip
