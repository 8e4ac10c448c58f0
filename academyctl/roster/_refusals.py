"""Why a file is not read, by code: what it is, and the way out, for the person who uploaded it."""

from __future__ import annotations

from academyctl.errors import Both
from academyctl.roster.model import RosterRefused

_SAVE_EN = "Open it in Excel, choose Save As > Excel Workbook (.xlsx), and upload that file."
_SAVE_KO = "엑셀에서 열어 '다른 이름으로 저장 > Excel 통합 문서(.xlsx)'로 저장한 뒤 다시 올려 주세요."
_TABLE_EN = "Copy the student list into an Excel sheet, save it as .xlsx, and upload that file."
_TABLE_KO = "학생 명단을 엑셀 시트에 옮겨 .xlsx로 저장한 뒤 다시 올려 주세요."
_ONLY_EN = "Copy only the student list into a new workbook, save it as .xlsx, and upload that file."
_ONLY_KO = "학생 명단만 새 통합 문서에 복사해 .xlsx로 저장한 뒤 다시 올려 주세요."

TEXTS: dict[str, Both] = {
    "encrypted": Both(
        "The file is protected with a password. Remove the password in Excel (File > Info > Protect Workbook), "
        "save it, and upload it again.",
        "암호가 걸린 파일입니다. 엑셀에서 암호를 푼 뒤(파일 > 정보 > 통합 문서 보호) 다시 저장해 올려 주세요.",
    ),
    "drm": Both(
        "The file is locked by a document security program (DRM). Export it without protection, and upload that file.",
        "문서 보안 프로그램(DRM)으로 잠긴 파일입니다. 보안을 해제한 파일을 다시 올려 주세요.",
    ),
    "html": Both(
        f"This is a web page saved with the name of an Excel file. {_SAVE_EN}",
        f"엑셀 이름으로 저장된 웹 페이지(HTML 표)입니다. {_SAVE_KO}",
    ),
    "xml2003": Both(
        f"This is an Excel 2003 XML spreadsheet, an old format. {_SAVE_EN}",
        f"예전 형식인 'XML 스프레드시트 2003' 파일입니다. {_SAVE_KO}",
    ),
    "xml": Both(
        f"This is an XML file, not a spreadsheet. {_SAVE_EN}", f"엑셀 파일이 아니라 XML 파일입니다. {_SAVE_KO}"
    ),
    "old-xls": Both(
        f"This Excel file is older than Excel 97. {_SAVE_EN}", f"엑셀 97보다 오래된 형식의 파일입니다. {_SAVE_KO}"
    ),
    "pdf": Both(f"This is a PDF document. {_TABLE_EN}", f"PDF 문서입니다. {_TABLE_KO}"),
    "docx": Both(f"This is a word processor's document. {_TABLE_EN}", f"워드 문서입니다. {_TABLE_KO}"),
    "pptx": Both(f"This is a presentation. {_TABLE_EN}", f"파워포인트 문서입니다. {_TABLE_KO}"),
    "hwp": Both(f"This is a Hangul (HWP) document. {_TABLE_EN}", f"한글(HWP) 문서입니다. {_TABLE_KO}"),
    "hwpx": Both(f"This is a Hangul (HWPX) document. {_TABLE_EN}", f"한글(HWPX) 문서입니다. {_TABLE_KO}"),
    "numbers": Both(
        "This is an Apple Numbers file. Choose File > Export To > Excel in Numbers, and upload that file.",
        "애플 Numbers 파일입니다. Numbers에서 '파일 > 다음으로 내보내기 > Excel'로 저장한 뒤 다시 올려 주세요.",
    ),
    "zip": Both(
        "This is a compressed archive. Unpack it, and upload the Excel file that is inside.",
        "압축 파일입니다. 압축을 푼 뒤 안에 있는 엑셀 파일을 올려 주세요.",
    ),
    "image": Both(f"This is a picture. {_TABLE_EN}", f"사진(이미지) 파일입니다. {_TABLE_KO}"),
    "empty": Both(
        "The file is empty. Check that the student list was saved, and upload it again.",
        "내용이 없는 빈 파일입니다. 명단이 저장되었는지 확인한 뒤 다시 올려 주세요.",
    ),
    "corrupt": Both(
        "The file is damaged or was not uploaded completely. Open it in Excel, save it again, and upload that file.",
        "파일이 손상되었거나 끝까지 올라오지 않았습니다. 엑셀에서 열어 다시 저장한 뒤 올려 주세요.",
    ),
    "unsafe": Both(
        "The file is built in a way that no spreadsheet program builds one, so it was not read. "
        "Open it in Excel, save it again, and upload that file.",
        "일반 엑셀 파일과 구조가 달라 안전을 위해 읽지 않았습니다. 엑셀에서 열어 다시 저장한 뒤 올려 주세요.",
    ),
    "encoding": Both(
        f"The text file is neither UTF-8 nor CP949 (EUC-KR). {_SAVE_EN}",
        f"글자 인코딩이 UTF-8이나 CP949(EUC-KR)가 아닌 텍스트 파일입니다. {_SAVE_KO}",
    ),
    "not-a-spreadsheet": Both(
        "This is not a spreadsheet: only xlsx, xlsm, xls, xlsb, ods and csv files can be read. " + _TABLE_EN,
        f"엑셀 파일이 아닙니다. xlsx, xlsm, xls, xlsb, ods, csv 파일만 읽을 수 있습니다. {_TABLE_KO}",
    ),
    "no-sheet": Both(
        f"The workbook has no worksheet with cells (charts only). {_TABLE_EN}",
        f"셀이 있는 워크시트가 없는 파일입니다(차트만 있음). {_TABLE_KO}",
    ),
    "too-big": Both(
        f"The file is too big, or becomes too big when it is unpacked. {_ONLY_EN}",
        f"파일이 너무 크거나, 압축을 풀면 너무 커집니다. {_ONLY_KO}",
    ),
    "too-many-rows": Both(
        "The file has more rows than can be read. Split it into several files, and upload them one by one.",
        "읽을 수 있는 것보다 행이 많습니다. 여러 파일로 나누어 하나씩 올려 주세요.",
    ),
    "too-many-columns": Both(
        f"A cell far to the right has a value, beyond the columns that can be read. {_ONLY_EN}",
        f"읽을 수 있는 범위를 벗어난 오른쪽 열에 값이 있습니다. {_ONLY_KO}",
    ),
    "too-many-sheets": Both(
        f"The workbook has more sheets than can be read. {_ONLY_EN}",
        f"읽을 수 있는 것보다 시트가 많습니다. {_ONLY_KO}",
    ),
    "too-heavy": Both(
        f"Reading the file takes too much time or memory. {_ONLY_EN}",
        f"파일을 읽는 데 시간이나 메모리가 너무 많이 듭니다. {_ONLY_KO}",
    ),
    "unreadable": Both(
        f"The file cannot be read, although it looks like a spreadsheet. {_SAVE_EN}",
        f"엑셀 파일로 보이지만 읽을 수 없습니다. {_SAVE_KO}",
    ),
}


_KINDS = frozenset(
    ("encrypted", "drm", "html", "xml2003", "xml", "old-xls", "pdf", "docx", "pptx", "hwp", "hwpx", "numbers", "zip")
) | {"image", "empty", "corrupt"}
"""Codes that say what the file is; the others say what is wrong with one of a known kind."""


def refusal(code: str) -> RosterRefused:
    """The refusal of that code, to be raised."""
    return RosterRefused(code, TEXTS[code], kind=code if code in _KINDS else "")
