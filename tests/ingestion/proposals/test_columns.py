"""Which column is which: by names in many languages, by values, by ids that are known."""

from __future__ import annotations

import pytest
from proposing import declared, file_of, names_of, proposed

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.ingestion.proposals.entries import settings_of

EMPLOYEES = ["employee_id", "first_name", "last_name", "email", "hire_date", "status"]
TRANSACTIONS = [
    "transaction_id",
    "employee_id",
    "benefit_account_id",
    "merchant",
    "amount",
    "transaction_timestamp",
]
PEOPLE = (
    "E1,Ann,Archer,ann@example.com,2020-01-01,active\nE2,Bo,Baker,b@example.com,2021-02-01,term"
)
CHARGES = (
    "T1,E1,A1,Iron Gym,10.50,2025-01-05T10:00:00Z\nT2,E2,A2,Plum Crate,20.00,2025-01-06T10:00:00Z"
)


@pytest.mark.parametrize(
    "header",
    [
        "Personalnummer,Vorname,Nachname,E-Mail-Adresse,Eintrittsdatum,Beschäftigungsstatus",
        "Matricule salarié,Prénom,Nom,Courriel,Date d'embauche,Statut",
        "Número de empleado,Nombre,Apellidos,Correo electrónico,Fecha de contratación,Situación",
        "社員番号,名,姓,メールアドレス,入社日,在籍状況",
        "Worker ID,Legal First Name,Legal Last Name,Work Email,Original Hire Date,Worker Status",
        "EEID,GivenName,Surname,Email Address,Date of Hire (YYYY-MM-DD),Employment Status",
        "matricola,nome,cognome,posta elettronica,data di assunzione,stato",
        "PERNR,FNAME,LNAME,Email ID,Date Hired,Empl Status",
    ],
)
def test_an_employees_file_is_known_by_the_names_of_many_languages(header: str) -> None:
    proposal = proposed(file_of(f"{header}\n{PEOPLE}"))
    assert proposal.source == "employees"
    assert [it.name for it in proposal.columns] == EMPLOYEES
    assert not proposal.missing


@pytest.mark.parametrize(
    "header",
    [
        "Transaktionsnummer,Mitarbeiternr,Konto-Nr.,Händler,Betrag,Buchungsdatum",
        "N° transaction,N° employé,Compte,Commerçant,Montant,Date opération",
        "Referencia,Empleado,Cuenta,Comercio,Importe,Fecha y hora",
        "取引番号,従業員番号,口座番号,加盟店名,利用金額,取引日時",
        "id,cardholder id,account,merchant_name,amount,created_at",
        "Trans #,File #,Account #,Vendor,Amt,Trans Date",
        "Txn Ref,Emp No,Acct No.,Payee Name,Txn Amt,Tran Dt",
        "Claim Number,Participant ID,Acct,Provider,Amount Paid,Service Date",
    ],
)
def test_a_transactions_file_is_known_by_the_names_of_many_languages(header: str) -> None:
    proposal = proposed(file_of(f"{header}\n{CHARGES}"))
    assert proposal.source == "transactions"
    assert [it.name for it in proposal.columns] == TRANSACTIONS


def test_a_column_is_known_by_its_ids() -> None:
    file = file_of("txn,who,wallet,vendor,amount,date\n" + CHARGES)
    assert "employee_id" not in names_of(proposed(file)).values()
    by_ids = proposed(file, keys={"employee_id": ["E1", "E2", "E3"]})
    assert names_of(by_ids)["who"] == "employee_id"
    assert next(it.why for it in by_ids.columns if it.header == "who") == (
        "2 of 2 ids are known as employee_id"
    )


def test_two_columns_that_are_as_likely_are_asked_about() -> None:
    file = file_of(
        "id,employee,account,vendor,Total,Umsatz,date\n"
        "T1,E1,A1,Gym,1.5,10.5,2025-01-05T10:00:00Z\nT2,E2,A2,Gym,1.5,2.5,2025-01-05T10:00:00Z"
    )
    (question,) = [it for it in proposed(file).questions if it.name == "amount.column"]
    assert question.flags == [
        "--answer amount.column=Total",
        "--answer amount.column=Umsatz",
    ]
    answered = proposed(file, answers={"amount.column": "Umsatz"})
    assert names_of(answered)["Umsatz"] == "amount"


def test_a_column_that_is_not_found_is_missing_until_somebody_names_it() -> None:
    file = file_of("transaction_id,employee_id,benefit_account_id,merchant,xyz,created\n" + CHARGES)
    assert proposed(file).missing == ("amount",)
    assert not proposed(file, answers={"amount.column": "xyz"}).missing


def test_a_column_without_a_name_stays_undeclared() -> None:
    header = ",transaction_id,employee_id,benefit_account_id,merchant,amount,timestamp"
    charges = "\n".join(f"x,{line}" for line in CHARGES.splitlines())
    proposal = proposed(file_of(f"{header}\n{charges}"))
    assert proposal.columns[-1].is_left
    assert [it for it in settings_of(proposal, declared()) if "column" in it.path] == []


def test_a_file_with_two_columns_of_one_name_of_ours_is_refused() -> None:
    header = "transaction_id,employee_id,benefit_account_id,merchant,amount,Amount,timestamp"
    file = file_of(f"{header}\nT1,E1,A1,Gym,10.50,11.50,2025-01-05T10:00:00Z")
    with pytest.raises(ProjectError, match="names a column twice, as 'amount' and 'Amount'"):
        proposed(file)


@pytest.mark.parametrize(
    ("header", "yes", "no", "synonyms"),
    [
        ("Active", "1", "0", {"active": ["1"], "terminated": ["0"]}),
        ("Is Active", "TRUE", "FALSE", {"active": ["true"], "terminated": ["false"]}),
        ("Active?", "T", "F", {"active": ["t"], "terminated": ["f"]}),
        ("Terminated", "N", "Y", {"active": ["n"], "terminated": ["y"]}),
        ("Inaktiv", "nein", "ja", {"active": ["nein"], "terminated": ["ja"]}),
    ],
)
def test_a_status_may_be_said_by_yes_and_no(
    header: str, yes: str, no: str, synonyms: dict[str, list[str]]
) -> None:
    names = f"employee_id,first_name,last_name,email,hire_date,{header}"
    people = "\n".join(
        f"E{number},A,B,a@example.com,2020-01-01,{it}" for number, it in enumerate((yes, no, yes))
    )
    proposal = proposed(file_of(f"{names}\n{people}"))
    (status,) = [it for it in proposal.columns if it.name == "status"]
    assert (status.header, status.synonyms) == (header, synonyms)
    assert "termination_date" not in [it.name for it in proposal.columns]


def test_a_file_of_other_columns_is_a_new_source_called_as_the_file() -> None:
    file = file_of("Department ID,Name\nD1,Sales\nD2,Legal", "Departments 2025-01.csv")
    proposal = proposed(file)
    assert proposal.is_new
    assert (proposal.source, proposal.filepath) == (
        "departments",
        "data/Departments 2025-01.csv",
    )


def test_a_header_that_is_our_name_but_for_a_sign_needs_no_alias() -> None:
    header = "transaction_id,employee_id,benefit_account_id,merchant,Amount (€),timestamp"
    assert not any(it.is_renamed for it in proposed(file_of(f"{header}\n{CHARGES}")).columns)


@pytest.mark.parametrize(
    "header",
    [
        "=cmd|'/c calc'!A1,<script>alert(1)</script>",
        '{{x}},"; drop table employees; --',
        "../../etc/passwd,\x1b[31mred",
        "_source_file,_row_number",
        "%,",
        "a" * 5000 + ",b",
    ],
)
def test_hostile_headers_give_columns_with_names_of_their_own(header: str) -> None:
    proposal = proposed(file_of(f"{header}\n1,2\n3,4"))
    names = [it.name for it in proposal.columns]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and not name.startswith("_") for name in names)


def test_a_name_that_is_seldom_meant_counts_where_there_is_no_usual_one() -> None:
    header = "id,employee,account,vendor,amount,Transaction Date,Post Date"
    proposal = proposed(file_of(f"{header}\n{CHARGES.replace('Z', 'Z,2025-02-01')}"))
    assert proposal.columns[5].name == "transaction_timestamp"
    assert not proposal.questions


def test_a_file_without_a_record_is_known_by_its_header_alone() -> None:
    proposal = proposed(file_of("Personalnummer,Vorname,Nachname,E-Mail,Eintritt,Status"))
    assert [it.name for it in proposal.columns] == EMPLOYEES
    assert not proposal.questions
