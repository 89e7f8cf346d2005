"""Which group of personal or needless data a parameter of the wire format belongs to: the table of what is not kept."""

from __future__ import annotations

from typing import Final

UNKNOWN: Final = "unknown"  # a parameter that the wire format does not have
_NAMES = {
    "identifier": "_id cid uid _idn _idts _idvc _viewts pv_id pk_vid",
    "attribution": "_ref _refts _rcn _rck",
    "location": "lat long city region",
    "address": "cip",
    "agent": "ua uadata",
    "plugins": "fla java dir qt realp pdf wma gears ag cookie",
    "clock": "h m s",
    "variables": "_cvar cvar e_cvar data",
    "search": "search search_cat",
    "order": "ec_id ec_items ec_st ec_tx ec_sh ec_dt",
    "product": "_pkc _pkp _pks _pkn",
    "content": "c_p c_t",
    "media": "ma_id ma_re ma_ti ma_pn ma_le ma_ps ma_ttp ma_w ma_h ma_fs ma_se",
    "crash": "cra cra_st cra_ct cra_tp cra_ru cra_rl cra_rc",
    "token": "token_auth",
}
# What is kept in a form of its own, or only says how to count.
_USED = (
    "idsite rec action_name url urlref rand r apiv res lang new_visit link download search_count idgoal revenue "
    "e_c e_a e_n e_v c_n c_i pf_net pf_srv pf_tfr pf_dm1 pf_dm2 pf_onl gt_ms ca ping cs cdt cdo country "
    "bots recMode http_status bw_bytes source dp send_image debug queuedtracking tracker_install_check ma_mt ma_st"
)
GROUPS: Final = {name: group for group, names in _NAMES.items() for name in names.split()} | dict.fromkeys(
    _USED.split(), ""
)
# Groups of what is left out of parameters that are kept otherwise.
_PARTS = ("query", "fragment", "path", "title", "event", "dimension")
WORDS: Final = (*_NAMES, *_PARTS, UNKNOWN)
