"""Fills a new database of Tryton; runs with Tryton's own Python, which has proteus.

    python seed.py URI DATABASE CONFIGURATION     the companies and the secrets come as JSON on standard input

Two companies with the universal chart of accounts in US dollars, the periods of three years, a way to pay, five
currencies, parties, items, and for each company a user of Unstuck's with an application key, whose rights are the
least that the connector needs, and a bookkeeper who may do everything there.
"""

import json
import logging
import os
import sys
from datetime import date
from decimal import Decimal
from typing import Any

from proteus import Model, Wizard
from proteus import config as proteus_config

CURRENCIES = (
    ("USD", "US dollar", 2, "1.0"),
    ("EUR", "Euro", 2, "0.92"),
    ("GBP", "Pound sterling", 2, "0.79"),
    ("JPY", "Yen", 0, "151"),
    ("CHF", "Swiss franc", 2, "0.88"),
)
PARTIES = (
    ("SUP-1", "Paper & Sons"),
    ("CUS-1", "Readers"),
    ("PAPER", "Paper & Sons"),
    ("NORTH", "Northwind Logistics"),
    ("LIND", "Lindqvist Möbel AB"),
    ("HOOLI", "Hooli Retail"),
    ("SPRING", "Springfield Power"),
)
ITEMS = (("CHAIR", "Office chair"), ("LAMP", "Desk lamp (old model)"), ("SRV", "Service"))
SEQUENCES = {
    "out_invoice": ("Customer invoice", "INV"),
    "in_invoice": ("Supplier invoice", "BILL"),
    "out_credit_note": ("Customer credit note", "CN"),
    "in_credit_note": ("Supplier credit note", "SCN"),
}
READING_AND_BOOKING = ("Accounting", "Accounting Party", "Party Administration", "Payment")
EVERYTHING = (
    "Accounting Administration",
    "Payment Approval",
    "Product Administration",
    "Account Product Administration",
)


def one(model: str, *domain: Any) -> Any:
    """Return a record, or None where there is none."""
    return next(iter(Model.get(model).find(list(domain), limit=1)), None)


def make(model: str, **values: Any) -> Any:
    """Save a record and return it."""
    record = Model.get(model)(**values)
    record.save()
    return record


def make_currencies() -> None:
    """Make the currencies with their rates."""
    for code, name, digits, rate in CURRENCIES:
        currency = Model.get("currency.currency")(name=name, symbol=code, code=code, digits=digits)
        currency.rounding = Decimal(1).scaleb(-digits)
        currency.rates.new(date=date(2000, 1, 1), rate=Decimal(rate))
        currency.save()


def make_company(name: str) -> Any:
    """Make a company."""
    party = make("party.party", name=name)
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = party
    wizard.form.currency = one("currency.currency", ("code", "=", "USD"))
    wizard.execute("add")
    company = one("company.company", ("party", "=", party.id))
    company.cancel_invoice_out = True
    company.save()
    return company


def work_in(company: Any, companies: list[Any]) -> None:
    """Let the administrator work in a company."""
    user = one("res.user", ("login", "=", "admin"))
    user.companies.extend([each for each in companies if each not in user.companies])
    user.company = company
    user.company_filter = "one"
    user.save()
    config = proteus_config.get_config()
    config._context = Model.get("res.user").get_preferences(True, {})  # proteus has no other way


def make_accounts(company: Any) -> dict[str, Any]:
    """Make the chart of accounts, and one account of each kind that is closed."""
    config = proteus_config.get_config()
    template = Model.get("ir.model.data").get_id("account.account_template_root_en", config.context)
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = Model.get("account.account.template")(template)
    wizard.form.company = company
    wizard.execute("create_account")
    ours = ("company", "=", company.id)
    found = {
        kind: one("account.account", (f"type.{kind}", "=", True), ("closed", "!=", True), ours, *more)
        for kind, more in (
            ("receivable", [("party_required", "=", True)]),
            ("payable", [("party_required", "=", True)]),
            ("revenue", []),
            ("expense", [("code", "like", "5.%")]),
        )
    }
    wizard.form.account_receivable = found["receivable"]
    wizard.form.account_payable = found["payable"]
    wizard.form.category_account_expense = found["expense"]
    wizard.form.category_account_revenue = found["revenue"]
    wizard.execute("create_properties")
    for code, kind in (("9998", "revenue"), ("9999", "expense")):
        make("account.account", name=f"Closed {kind}", code=code, type=found[kind].type, company=company, closed=True)
    found["cash"] = one("account.account", ("code", "=", "1.1.1"), ours)
    # Where the rounding of another currency goes.
    configuration = Model.get("account.configuration")(1)
    configuration.currency_exchange_debit_account = found["expense"]
    configuration.currency_exchange_credit_account = found["revenue"]
    configuration.save()
    return found


def make_years(company: Any) -> None:
    """Make last, this and next year with their months, and a numbering of each kind of document."""
    kind_of_move = one("ir.sequence.type", ("name", "=", "Account Move"))
    kind_of_invoice = one("ir.sequence.type", ("name", "=", "Invoice"))
    this_year = date.today().year  # noqa: DTZ011 (Tryton's own today)
    for year in (this_year - 1, this_year, this_year + 1):
        fiscal = Model.get("account.fiscalyear")(
            name=str(year), company=company, start_date=date(year, 1, 1), end_date=date(year, 12, 31)
        )
        fiscal.move_sequence = make(
            "ir.sequence.strict", name=f"Move {year}", sequence_type=kind_of_move, company=company, prefix=f"M{year}-"
        )
        (numbering,) = fiscal.invoice_sequences
        for field, (name, prefix) in SEQUENCES.items():
            sequence = make(
                "ir.sequence.strict",
                name=f"{name} {year}",
                sequence_type=kind_of_invoice,
                company=company,
                prefix=f"{prefix}-{year}-",
                padding=5,
            )
            setattr(numbering, f"{field}_sequence", sequence)
        fiscal.save()
        fiscal.click("create_period")


def make_payments(company: Any, accounts: dict[str, Any]) -> None:
    """Make a way to pay at once, and one to pay by a payment that is processed."""
    make(
        "account.invoice.payment.method",
        name="Bank",
        company=company,
        journal=one("account.journal", ("type", "=", "cash")),
        credit_account=accounts["cash"],
        debit_account=accounts["cash"],
    )
    dollars = one("currency.currency", ("code", "=", "USD"))
    make("account.payment.journal", name="Transfer", company=company, currency=dollars, process_method="manual")


def make_parties() -> None:
    """Make the counterparties, one of them inactive: a record cannot be made so, only become so."""
    for code, name in PARTIES:
        make("party.party", name=name, code=code)
    gone = make("party.party", name="Bygone Ltd", code="GONE-1")
    gone.active = False
    gone.save()


def make_items(accounts: dict[str, Any]) -> Any:
    """Make the items, without taxes."""
    category = make(
        "product.category",
        name="Tax free",
        accounting=True,
        account_expense=accounts["expense"],
        account_revenue=accounts["revenue"],
    )
    unit = one("product.uom", ("name", "=", "Unit"))
    for code, name in ITEMS:
        template = Model.get("product.template")(
            name=name, type="service", default_uom=unit, list_price=Decimal(100), account_category=category
        )
        template.code = code
        template.save()
    return category


def make_user(login: str, company: Any, groups: tuple[str, ...], password: str | None = None) -> Any:
    """Make a user of one company alone."""
    user = Model.get("res.user")(login=login, name=login)
    if password:
        user.password = password
    for name in groups:
        group = one("res.group", ("name", "=", name))
        if group is not None:  # the groups of two series differ a little
            user.groups.append(group)
    user.companies.append(Model.get("company.company")(company.id))
    user.company = Model.get("company.company")(company.id)
    user.save()
    return user


def main() -> None:
    """Make all of it."""
    uri, database, configuration = sys.argv[1:]
    given = json.load(sys.stdin)
    logging.disable(logging.WARNING)
    os.environ["DB_NAME"] = database
    proteus_config.set_trytond(f"{uri}{database}", config_file=configuration)
    make_currencies()
    companies = {slug: make_company(name) for slug, name in given["companies"].items()}
    category = None
    for slug, company in companies.items():
        work_in(company, list(companies.values()))
        accounts = make_accounts(company)
        make_years(company)
        make_payments(company, accounts)
        if category is None:
            make_parties()
            category = make_items(accounts)
        else:
            category = Model.get("product.category")(category.id)
            category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
            category.save()
        user = make_user(f"unstuck_{slug}", company, READING_AND_BOOKING)
        make("res.user.application", user=user, application="rest", key=given["keys"][slug])
        make_user(f"bookkeeper_{slug}", company, (*READING_AND_BOOKING, *EVERYTHING), given["password"])


if __name__ == "__main__":
    main()
