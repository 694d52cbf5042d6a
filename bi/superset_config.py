"""Superset's settings. What is secret and where its files lie it finds in Tonghop's state folder."""

import os
from datetime import timedelta
from pathlib import Path

from superset.config import TALISMAN_CONFIG as SHIPPED
from superset.config import THEME_DEFAULT as SHIPPED_THEME

_STATE = Path(os.environ["_TONGHOP_HOME"])

SECRET_KEY = (_STATE / "secrets" / "superset-key").read_text()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_STATE / 'superset' / 'superset.db'}"
SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"timeout": 30}}  # the charts of a page write their entries of the log at once
DATA_DIR = str(_STATE / "superset")
RATELIMIT_ENABLED = True  # of the sign-in only
RATELIMIT_APPLICATION = "500 per second"
PERMANENT_SESSION_LIFETIME = timedelta(hours=12)

APP_NAME = "Tổng hợp"
THEME_DEFAULT = SHIPPED_THEME | {"token": SHIPPED_THEME["token"] | {"brandAppName": APP_NAME}}
THEME_DARK = None
D3_FORMAT = {"decimal": ",", "thousands": ".", "grouping": [3], "currency": ["", " ₫"]}
D3_TIME_FORMAT = {
    "dateTime": "%d/%m/%Y %H:%M",
    "date": "%d/%m/%Y",
    "time": "%H:%M:%S",
    "periods": ["SA", "CH"],
    "days": ["Chủ nhật", "Thứ hai", "Thứ ba", "Thứ tư", "Thứ năm", "Thứ sáu", "Thứ bảy"],
    "shortDays": ["CN", "T2", "T3", "T4", "T5", "T6", "T7"],
    "months": [f"Tháng {month}" for month in range(1, 13)],
    "shortMonths": [f"Th{month}" for month in range(1, 13)],
}

# Nothing of a page comes from elsewhere, nor tells anyone there that it was opened. The pixel of Superset's telemetry is built
# into its pages, so the browser is told to load pictures and data from here alone.
_HERE = {
    "img-src": ["'self'", "blob:", "data:"],
    "connect-src": ["'self'"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "font-src": ["'self'"],
}
TALISMAN_CONFIG = SHIPPED | {"content_security_policy": SHIPPED["content_security_policy"] | _HERE}
