"""Who filed what, in the order in which it was sent.

What the source documents state is named in a comment beside the report, and `facts` holds it against the figures here;
every other figure is made up to go with it. Totals are written out like any other figure, as in a real report.
"""

from dataclasses import replace
from decimal import Decimal

from samples.model import Cells, Report, Value

BILLION = "tỷ đồng"
# the order in which the figures of a line stand below; F3A by version, as its labels changed
COLUMNS = {
    key: names.split()
    for key, names in {
        "F1": "tccsd_total dang_bo_co_so chi_bo_co_so dang_bo_bo_phan chi_bo_truc_thuoc chi_bo_tdp chi_bo_khac "
        "dv_dau_ky dv_ket_nap dv_chuyen_den dv_phuc_hoi dv_tang_sap_xep "
        "dv_chuyen_di dv_tu_tran dv_xin_ra dv_xoa_ten dv_khai_tru dv_giam_sap_xep "
        "dv_cuoi_ky dv_chinh_thuc dv_du_bi dv_nu dv_mien_sinh_hoat",
        "F2": "hop_ke_hoach hop_thuong_ky hop_chuyen_de hop_gop dv_tong dv_mien dv_phai_du dv_du dv_vang_ly_do "
        "dv_vang_khong_ly_do so_phut cap_uy_cap_tren_du co_noi_dung_ct05 co_nghi_quyet xep_loai_buoi",
        "F3A.1": "tong_to_chuc duoc_xep chua_xep tsvm tsvm_tieu_bieu htt ht yeu_kem",
        "F3A.2": "tong_to_chuc duoc_xep chua_xep htxs htt ht khong_ht",
        "F3B": "tong_dv duoc_xep mien_xep chua_xep htxs htt_rieng htt_tro_len ht khong_ht",
        "F4": "so_chi_bo chi_bo_da_quan_triet dv_trieu_tap dv_tham_gia dv_dang_ky_cam_ket dv_duoc_danh_gia_cuoi_nam "
        "so_chuyen_de so_lop_tap_huan so_mo_hinh",
        "F5": "tap_the_phai_kd tap_the_da_kd tap_the_chua_kd goi_y_kd_sau goi_y_phuong goi_y_xa goi_y_khac da_kd_sau "
        "bc_rieng_phai_nop bc_rieng_da_nop hc_dau_ky hc_moi hc_khac_phuc_xong hc_cuoi_ky hc_qua_han cap_tren_du",
        "F8A": "can_bo cong_chuc hop_dong tong thac_sy_tro_len dai_hoc cao_dang trung_cap khac",
        "F8B": "nq_chuyen_de de_an chi_thi ke_hoach khac tong nq_cap_tren_nhan co_ke_hoach da_so_ket",
        "F8C": "chi_tieu_giao chi_tieu_dat chi_tieu_vuot thu_ngan_sach",
    }.items()
}


def _line(columns: str, unit: str, *figures: Value, row: str = "all") -> Cells:
    """One line of a table: a unit's figures in the order of COLUMNS."""
    return {(columns.partition(".")[0], unit, row): dict(zip(COLUMNS[columns], figures, strict=True))}


# --- Vĩnh Yên --------------------------------------------------------------------------------------------------

# budget revenue in billion đồng. Stated: 2016-2020 come to more than 7,148, which is 1.8 times 2011-2015
_REVENUE = {
    2011: "640.5",
    2012: "702",
    2013: "778.4",
    2014: "871.6",
    2015: "980.5",
    2016: "1168.2",
    2017: "1295.4",
    2018: "1432.8",
    2019: "1561.3",
    2020: "1694.1",
}


def _vinh_yen_f8(year: int) -> Report:
    n = year - 2011
    return Report(
        "vinh-yen",
        "F8",
        f"{year}-Y",
        _line("F8A", "vinh-yen", 24, 52 + n, 4, 80 + n, 12 + 2 * n, 62 - n, 4, 2, 0)
        | _line("F8B", "vinh-yen", 2, 1, 1, 14, 20 + n, 38 + n, 12, 12, 9)
        | _line("F8C", "vinh-yen", 20, 17 + n % 3, 9, Decimal(_REVENUE[year])),
        money=BILLION,
        suffix="json" if year == 2011 else "xlsx",
    )


_VINH_YEN = [
    *map(_vinh_yen_f8, range(2011, 2021)),
    # stated: each year more than 95% of those called came, and more than 90% of those registered; by 2020 all were reached
    *(
        Report("vinh-yen", "F4", f"{year}-Y", _line("F4", "vinh-yen", *figures, row="ct05"), scope="rollup")
        for year, figures in {
            2016: (331, 326, 7420, 7082, 6402, 6350, 6, 7, 3),
            2017: (333, 330, 7535, 7213, 6551, 6500, 6, 7, 3),
            2018: (334, 333, 7610, 7318, 6689, 6640, 8, 9, 4),
            2019: (336, 336, 7688, 7411, 6804, 6760, 8, 9, 4),
            2020: (338, 338, 7741, 7485, 6907, 6870, 10, 11, 5),
        }.items()
    ),
    Report("vinh-yen-cs01", "F4", "2020-Y", _line("F4", "vinh-yen-cs01", 21, 21, 488, 471, 436, 430, 2, 2, 1, row="ct05")),
    Report(
        "vinh-yen-cs02",
        "F4",
        "2020-Y",
        _line("F4", "vinh-yen-cs02", 14, 14, 301, 290, 266, 266, 1, 1, 0, row="ct05"),
        suffix="csv",
    ),
    Report(
        "vinh-yen-cs03",
        "F4",
        "2020-Y",
        _line("F4", "vinh-yen-cs03", 9, 9, 187, 180, 168, 165, 1, 1, 1, row="ct05"),
        suffix="json",
    ),
    # vinh-yen-cs04 owes the same and does not send it
]


# --- Nam Định --------------------------------------------------------------------------------------------------


def _small_f1(
    unit: str,
    period: str,
    cells: tuple[int, int, int],
    start: int,
    moves: tuple[int, int, int, int],
    now: tuple[int, int, int, int, int],
) -> Report:
    """A grassroots committee's F1. cells: in all, residential, other; moves: admitted, in, out, died; now: members, full,
    probationary, women, excused."""
    joined, came, left, died = moves
    figures = (1, 1, 0, 0, *cells, start, joined, came, 0, 0, left, died, 0, 0, 0, 0, *now)
    return Report(unit, "F1", period, _line("F1", unit, *figures))


_NAM_DINH = [
    # stated: 7 collectives asked for an in-depth review, 5 wards and 2 communes; all did it, and each sent a report of its own
    Report(
        "nam-dinh-tp",
        "F5",
        "2017-Y",
        _line("F5", "nam-dinh-tp", 92, 92, 0, 7, 5, 2, 0, 7, 7, 7, 21, 64, 52, 33, 3, 92),
        scope="rollup",
    ),
    # stated: 85% clean and strong or good, to the whole percent (46 + 32 of 92)
    Report(
        "nam-dinh-tp",
        "F3",
        "2017-Y",
        _line("F3A.1", "nam-dinh-tp", 92, 92, 0, 46, 6, 32, 12, 2, row="tccsd")
        | _line("F3A.1", "nam-dinh-tp", 640, 631, 9, 331, 40, 225, 68, 7, row="chi_bo")
        | _line("F3B", "nam-dinh-tp", 14703, 13120, 1310, 273, 1502, 9310, 10812, 2241, 67),
        scope="rollup",
    ),
    _small_f1("nam-dinh-tp-cs01", "2018-H1", (17, 13, 4), 407, (5, 4, 3, 1), (412, 403, 9, 168, 38)),
    _small_f1("nam-dinh-tp-cs02", "2018-H1", (15, 12, 3), 363, (3, 2, 2, 1), (365, 358, 7, 142, 41)),
    replace(_small_f1("nam-dinh-tp-cs03", "2018-H1", (6, 0, 6), 145, (3, 1, 1, 0), (148, 143, 5, 97, 2)), suffix="csv"),
    # only half of the file arrived; nam-dinh-tp-cs05 sends nothing
    replace(
        _small_f1("nam-dinh-tp-cs04", "2018-H1", (12, 9, 3), 285, (2, 3, 2, 1), (287, 281, 6, 110, 29)),
        damaged=True,
        answer="quarantined",
    ),
    # stated: 92 grassroots organisations, fewer than 15,000 members
    Report(
        "nam-dinh-tp",
        "F1",
        "2018-H1",
        _line(
            "F1",
            "nam-dinh-tp",
            92,
            60,
            32,
            3,
            640,
            452,
            188,
            14703,
            165,
            120,
            0,
            0,
            88,
            24,
            0,
            0,
            0,
            0,
            14876,
            14558,
            318,
            5921,
            1377,
        ),
        scope="rollup",
    ),
    # stated: 7 documents
    Report(
        "nam-dinh-tp",
        "F8",
        "2018-Y",
        _line("F8A", "nam-dinh-tp", 22, 58, 5, 85, 31, 49, 3, 2, 0)
        | _line("F8B", "nam-dinh-tp", 1, 0, 1, 3, 2, 7, 15, 15, 12)
        | _line("F8C", "nam-dinh-tp", 22, 20, 8, Decimal("1318.6")),
        money=BILLION,
    ),
]


# --- Ngô Quyền -------------------------------------------------------------------------------------------------


def _meeting(month: int, members: int, excused: int, absent: int, grade: str) -> tuple[Value, ...]:
    """A cell's month: every second absence above four is without a reason; mid-quarter there is a thematic meeting."""
    required, without, thematic = members - excused, max(0, absent - 4) // 2, int(month % 3 == 2)
    return (
        1 + thematic,
        1,
        thematic,
        thematic,
        members,
        excused,
        required,
        required - absent,
        absent - without,
        without,
        120 if thematic else 90,
        int(month % 3 == 0),
        1,
        1,
        grade,
    )


# absences by cell. Stated: in the first month 85% came (170 of 200), by the end more than 90% (185 of 200)
_ABSENT = [
    (6, 6, 5, 7, 6),
    (6, 5, 5, 7, 6),
    (5, 5, 5, 7, 6),
    (5, 5, 5, 6, 5),
    (5, 5, 4, 6, 5),
    (5, 4, 4, 6, 5),
    (4, 4, 4, 6, 5),
    (4, 4, 4, 5, 4),
    (4, 4, 3, 5, 4),
    (4, 3, 3, 5, 4),
    (3, 3, 3, 4, 4),
    (3, 3, 2, 4, 3),
]


def _ngo_quyen_f2(month: int) -> Report:
    cells: Cells = {}
    for number, (members, absent) in enumerate(zip((44, 40, 38, 46, 42), _ABSENT[month - 1], strict=True), start=1):
        cells |= _line("F2", f"ngo-quyen-cb{number:02d}", *_meeting(month, members, 2, absent, "tot" if absent < 6 else "kha"))
    return Report("ngo-quyen", "F2", f"2018-M{month:02d}", cells)


# stated: 8 + 12 + 1 = 21 = 2 + 18 + 0 + 1
_NGO_QUYEN_F8 = Report(
    "ngo-quyen",
    "F8",
    "2018-Y",
    _line("F8A", "ngo-quyen", 8, 12, 1, 21, 2, 18, 0, 1, 0)
    | _line("F8B", "ngo-quyen", 3, 1, 1, 14, 22, 41, 16, 16, 11)
    | _line("F8C", "ngo-quyen", 18, 16, 5, None),
)
_NGO_QUYEN = [
    *map(_ngo_quyen_f2, range(1, 13)),
    Report(
        "ngo-quyen",
        "F8",
        "2018-Q4",
        _line("F8B", "ngo-quyen", 1, 0, 0, 4, 6, 11, 4, 4, 2) | _line("F8C", "ngo-quyen", 18, 16, 5, None),
    ),
    _NGO_QUYEN_F8,
    # sent once more under another name: the same bytes
    replace(_NGO_QUYEN_F8, note="gui-lai", answer="duplicate"),
    # stated: 6 shortcomings
    Report("ngo-quyen", "F5", "2018-Y", _line("F5", "ngo-quyen", 9, 9, 0, 0, 0, 0, 0, 0, 0, 0, 2, 6, 5, 3, 0, 9)),
]


# --- the bloc of provincial agencies ---------------------------------------------------------------------------


def _bloc_f1(members: Value) -> Report:
    return Report(
        "khoi-co-quan-tinh",
        "F1",
        "2020-H1",
        _line(
            "F1",
            "khoi-co-quan-tinh",
            56,
            24,
            32,
            0,
            168,
            0,
            168,
            3981,
            58,
            41,
            0,
            0,
            37,
            6,
            0,
            0,
            0,
            0,
            members,
            3925,
            112,
            1689,
            74,
        ),
        scope="rollup",
    )


_BLOC = [
    _small_f1("khoi-co-quan-tinh-cs01", "2020-H1", (7, 0, 7), 124, (3, 2, 3, 0), (126, 122, 4, 55, 3)),
    _small_f1("khoi-co-quan-tinh-cs02", "2020-H1", (6, 0, 6), 96, (2, 1, 1, 0), (98, 96, 2, 41, 1)),
    _small_f1("khoi-co-quan-tinh-cs03", "2020-H1", (5, 0, 5), 82, (1, 2, 2, 0), (83, 82, 1, 37, 2)),
    _small_f1("khoi-co-quan-tinh-cs04", "2020-H1", (4, 0, 4), 60, (1, 1, 0, 1), (61, 60, 1, 22, 2)),
    _small_f1("khoi-co-quan-tinh-cs05", "2020-H1", (3, 0, 3), 43, (1, 0, 0, 0), (44, 43, 1, 20, 0)),
    # stated: 56 grassroots organisations, "more than 4,000" members. That is not a count: it goes back, and the sender counts
    replace(_bloc_f1("hơn 4.000"), answer="returned"),
    replace(_bloc_f1(4037), note="gui-lai"),
    # stated: 3 thematic resolutions and 1 scheme over the term
    Report("khoi-co-quan-tinh", "F8", "2015-2020-TERM", _line("F8B", "khoi-co-quan-tinh", 3, 1, 2, 31, 48, 85, 41, 41, 33)),
    # stated: more than 65% clean and strong, less than 30% good, about 5% below;
    # of the members 78% good or better, more than 16% excellent
    Report(
        "khoi-co-quan-tinh",
        "F3",
        "2015-2020-TERM",
        _line("F3A.1", "khoi-co-quan-tinh", 56, 56, 0, 37, 5, 16, 2, 1, row="tccsd")
        | _line("F3A.1", "khoi-co-quan-tinh", 168, 165, 3, 110, 12, 47, 7, 1, row="chi_bo")
        | _line("F3B", "khoi-co-quan-tinh", 4037, 4000, 21, 16, 648, 2472, 3120, 860, 20),
        scope="rollup",
    ),
    # stated: 5 limitations
    Report(
        "khoi-co-quan-tinh",
        "F5",
        "2015-2020-TERM",
        _line("F5", "khoi-co-quan-tinh", 57, 57, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 3, 2, 0, 57),
    ),
]


# --- Hùng Vương ------------------------------------------------------------------------------------------------

# members and, of these, excused from meetings, by cell. Stated: 617 members in 16 cells, 9 of them of residential groups
_CELLS = [
    (58, 6),
    (52, 5),
    (49, 5),
    (61, 6),
    (47, 4),
    (55, 5),
    (44, 4),
    (50, 5),
    (46, 4),
    (24, 0),
    (27, 0),
    (25, 0),
    (13, 0),
    (34, 0),
    (18, 0),
    (14, 0),
]
_SECTIONS = {"hung-vuong-cb01": "I. Các chi bộ tổ dân phố", "hung-vuong-cb10": "II. Các chi bộ khác"}


def _hung_vuong_f2(month: int) -> Report:
    """The residential cells were one member smaller at the start of the year, and grew one after the other."""
    cells: Cells = {}
    for number, (members, excused) in enumerate(_CELLS, start=1):
        unit, now = f"hung-vuong-cb{number:02d}", members - int(number <= 9 and month < number)
        absent = (now - excused) * (14 - month // 2) // 100
        figures = _meeting(month, now, excused, absent, "kha" if (number + month) % 5 == 0 else "tot")
        if (number, month) == (12, 8):  # no meeting was held, so who attended does not arise
            figures = (1, 0, 0, 0, *["x"] * 6, 0, 0, 0, 0, "x")
        cells |= _line("F2", unit, *figures)
    cells["F2", "hung-vuong-cb13", "all"]["dv_vang_khong_ly_do"] = "-"
    if month == 5:
        cells["F2", "hung-vuong-cb14", "all"]["so_phut"] = None
    return Report("hung-vuong", "F2", f"2021-M{month:02d}", cells, sections=_SECTIONS)


def _hung_vuong_correction() -> Report:
    """September once more: one member who had been put down as absent had come."""
    report = _hung_vuong_f2(9)
    key = ("F2", "hung-vuong-cb04", "all")
    return replace(report, note="dinh-chinh", cells={**report.cells, key: {**report.cells[key], "dv_du": 51, "dv_vang_ly_do": 4}})


def _hung_vuong_f1(period: str, *members: int) -> Report:
    return Report("hung-vuong", "F1", period, _line("F1", "hung-vuong", 1, 1, 0, 0, 16, 9, 7, *members))


_HUNG_VUONG = [
    *map(_hung_vuong_f2, range(1, 13)),
    _hung_vuong_correction(),
    # full and probationary members do not add up to the members: it goes back, and is not sent again
    replace(_hung_vuong_f1("2021-H1", 608, 5, 3, 0, 0, 3, 1, 0, 0, 0, 0, 612, 600, 11, 240, 44), answer="returned"),
    _hung_vuong_f1("2021-Y", 608, 12, 6, 0, 0, 6, 3, 0, 0, 0, 0, 617, 605, 12, 241, 44),
    Report(
        "hung-vuong",
        "F3",
        "2021-Y",
        _line("F3A.2", "hung-vuong", 16, 16, 0, 3, 11, 2, 0, row="chi_bo")
        | _line("F3B", "hung-vuong", 617, 564, 44, 9, 84, 431, 515, 47, 2),
        version=2,
    ),
    # nobody came and nobody wrote
    Report("hung-vuong", "F7", "2021-Q4", {}, nil=True),
    Report("hung-vuong", "F7", "2021-Y", {}, nil=True, suffix="csv"),
    Report(
        "hung-vuong",
        "F8",
        "2021-Q4",
        _line("F8B", "hung-vuong", 0, 0, 0, 4, 6, 10, 3, 3, 1) | _line("F8C", "hung-vuong", 16, 14, 4, None),
    ),
    # stated: a resolution was passed, so at least 1
    Report(
        "hung-vuong",
        "F8",
        "2021-Y",
        _line("F8A", "hung-vuong", 9, 11, 2, 22, 3, 18, 0, 1, 0)
        | _line("F8B", "hung-vuong", 2, 0, 1, 15, 21, 39, 14, 14, 9)
        | _line("F8C", "hung-vuong", 16, 14, 4, None),
    ),
]

REPORTS: tuple[Report, ...] = (*_VINH_YEN, *_NAM_DINH, *_NGO_QUYEN, *_BLOC, *_HUNG_VUONG)
