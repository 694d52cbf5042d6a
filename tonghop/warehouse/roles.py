"""The names of the warehouse's roles: what each may do, the migrations say."""

OWNER, BUILDER, AUDITOR, READER, STAR, BI_LOGIN = (
    *("tonghop", "tonghop_builder", "tonghop_auditor"),
    *("tonghop_reader", "tonghop_star", "tonghop_bi"),
)
