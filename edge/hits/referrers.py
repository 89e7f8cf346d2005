"""Where a visit came from: a host, or the name of a search engine, a network or an assistant.

The table is our own and holds the big ones; every other site is called by its host.
"""

from __future__ import annotations

from edge.hits.paths import host_of, shown_host

# By domain: the host itself and every host below it.
_DOMAINS = {
    # search engines
    "ask.com": "Ask",
    "baidu.com": "Baidu",
    "bing.com": "Bing",
    "duckduckgo.com": "DuckDuckGo",
    "ecosia.org": "Ecosia",
    "kagi.com": "Kagi",
    "lilo.org": "Lilo",
    "metager.de": "MetaGer",
    "mojeek.com": "Mojeek",
    "naver.com": "Naver",
    "presearch.com": "Presearch",
    "qwant.com": "Qwant",
    "search.aol.com": "AOL",
    "search.brave.com": "Brave Search",
    "search.marginalia.nu": "Marginalia",
    "seznam.cz": "Seznam",
    "so.com": "360 Search",
    "sogou.com": "Sogou",
    "startpage.com": "Startpage",
    "swisscows.com": "Swisscows",
    "ya.ru": "Yandex",
    # networks
    "bsky.app": "Bluesky",
    "discord.com": "Discord",
    "facebook.com": "Facebook",
    "fb.com": "Facebook",
    "fb.me": "Facebook",
    "instagram.com": "Instagram",
    "linkedin.com": "LinkedIn",
    "lnkd.in": "LinkedIn",
    "mastodon.social": "Mastodon",
    "news.ycombinator.com": "Hacker News",
    "ok.ru": "Odnoklassniki",
    "pin.it": "Pinterest",
    "redd.it": "Reddit",
    "reddit.com": "Reddit",
    "slack.com": "Slack",
    "snapchat.com": "Snapchat",
    "stackoverflow.com": "Stack Overflow",
    "t.co": "X",
    "t.me": "Telegram",
    "telegram.org": "Telegram",
    "threads.com": "Threads",
    "threads.net": "Threads",
    "tiktok.com": "TikTok",
    "tumblr.com": "Tumblr",
    "twitch.tv": "Twitch",
    "twitter.com": "X",
    "vimeo.com": "Vimeo",
    "vk.com": "VK",
    "weibo.com": "Weibo",
    "whatsapp.com": "WhatsApp",
    "wikipedia.org": "Wikipedia",
    "x.com": "X",
    "xing.com": "Xing",
    "youtu.be": "YouTube",
    "youtube.com": "YouTube",
    # assistants
    "chat.deepseek.com": "DeepSeek",
    "chat.mistral.ai": "Le Chat",
    "chat.openai.com": "ChatGPT",
    "chatgpt.com": "ChatGPT",
    "claude.ai": "Claude",
    "copilot.microsoft.com": "Copilot",
    "duck.ai": "Duck.ai",
    "gemini.google.com": "Gemini",
    "grok.com": "Grok",
    "meta.ai": "Meta AI",
    "perplexity.ai": "Perplexity",
    "phind.com": "Phind",
    "poe.com": "Poe",
    "you.com": "You.com",
    # parts of the engines below that are no search
    "mail.google.com": "Gmail",
    "mail.yahoo.com": "Yahoo Mail",
    "news.google.com": "Google News",
}
# Engines with a domain in many countries: `google.fr`, `www.google.co.uk`.
_BRANDS = {"google": "Google", "pinterest": "Pinterest", "yahoo": "Yahoo", "yandex": "Yandex"}
_APPS = {
    "com.facebook.katana": "Facebook",
    "com.google.android.gm": "Gmail",
    "com.google.android.googlequicksearchbox": "Google",
    "com.instagram.android": "Instagram",
    "com.linkedin.android": "LinkedIn",
    "com.reddit.frontpage": "Reddit",
    "com.slack": "Slack",
    "com.twitter.android": "X",
    "org.telegram.messenger": "Telegram",
}


def referrer(url: str) -> str:
    """The name of the site at `url`, or its host; empty for what is no address."""
    host = host_of(url)
    return (_known(host) or shown_host(host.removeprefix("www."))) if host else ""


def _known(host: str) -> str:
    """The name of a host in the tables; its last four parts are looked at."""
    if name := _APPS.get(host):
        return name
    parts = host.rsplit(".", 4)[-4:]
    for first in range(len(parts) - 1):
        if name := _DOMAINS.get(".".join(parts[first:])):
            return name
    return _brand(parts)


def _brand(parts: list[str]) -> str:
    """`google` before a country's ending: google.com, google.de, google.co.uk, google.com.br; not google.evil.com."""
    if len(parts) > 1 and len(parts[-1]) <= 3 and (name := _BRANDS.get(parts[-2])):
        return name
    if len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in ("co", "com"):
        return _BRANDS.get(parts[-3], "")
    return ""
