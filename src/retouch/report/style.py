"""The page's style sheet: light and dark, wide and narrow."""

CSS = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #20242a; --soft: #5b6470; --grid: #d9dde2; --card: #f5f6f8;
  --policy: #0072b2; --person: #d55e00; --demonstration: #8a8f98; --both: #aa4499; --pause: #c9ced6; --warn: #fff3d6; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --ink: #e6e8eb; --soft: #9aa3ae; --grid: #323841;
  --card: #1d2126; --policy: #56b4e9; --person: #f0893a; --demonstration: #9aa0a8; --both: #cc79b7; --pause: #4b525c;
  --warn: #3a3018; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--grid); }
p { max-width: 44rem; margin: .5rem 0; }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
code, pre { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: .87rem; }
pre { background: var(--card); padding: .7rem .9rem; border-radius: 8px; overflow-x: auto; }
.headline { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.25rem 0; }
.headline div { background: var(--card); border-radius: 10px; padding: .7rem 1.1rem; min-width: 9.5rem; flex: 1; }
.headline strong { display: block; font-size: 1.7rem; line-height: 1.2; }
.warning { background: var(--warn); border-left: 4px solid var(--person); padding: .6rem .9rem; border-radius: 6px;
  margin: .5rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; min-width: 100%; }
th, td { text-align: right; padding: .35rem .7rem; border-bottom: 1px solid var(--grid); white-space: nowrap; }
thead th { vertical-align: bottom; white-space: normal; color: var(--soft); font-weight: 600; }
th:first-child, td:first-child { text-align: left; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .2rem 1rem; margin: 0;
  font-size: .92rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.clips { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18rem), 1fr)); gap: 1rem; }
figure { margin: 0; } figure img { width: 100%; height: auto; border-radius: 8px; display: block; }
figcaption { margin-top: .3rem; } figcaption b { color: var(--ink); }
.figure { display: block; width: 100%; max-width: 40rem; height: auto; margin: .5rem 0;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.figure * { stroke-linejoin: round; stroke-linecap: butt; }
details { margin: .5rem 0; } summary { cursor: pointer; font-weight: 600; }
"""
