// The stylesheet of the public pages: system fonts, light and dark, phone to desktop, paper. Text has a contrast of at
// least 4.5:1 in both schemes, controls 3:1 (WCAG 2.2 AA); no meaning is carried by colour alone.
export const STYLE = `:root{color-scheme:light dark;--ink:#16222e;--soft:#4a5a69;--line:#d5dde5;--edge:#76879a;--paper:#fff;--ground:#f3f6f8;--hero:#e4f0f3;--accent:#0a5d73;--accent-ink:#fff;--tint:#e4f0f3;--good:#146c43;--good-bg:#e3f4ea;--look:#7a4b00;--look-bg:#fdf1d8;--calm-bg:#e9eef3;--band:#fff4d6;--band-ink:#553b00;--shadow:0 1px 2px #1622300f,0 6px 20px #1622300d}
@media (prefers-color-scheme:dark){:root{--ink:#e8eef3;--soft:#a9b8c6;--line:#2f3d4a;--edge:#7d90a3;--paper:#18222c;--ground:#0f161d;--hero:#13242c;--accent:#7ecbdd;--accent-ink:#06222b;--tint:#17303a;--good:#86dba9;--good-bg:#12301f;--look:#f1c376;--look-bg:#35280d;--calm-bg:#222e3a;--band:#3a2f12;--band-ink:#ffe3a3;--shadow:none}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--ground);color:var(--ink);font:1.0625rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
a{color:var(--accent);text-underline-offset:.17em;text-decoration-thickness:1px}
a:hover{text-decoration-thickness:2px}
:focus-visible,input[type=date]:focus-within{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
main:focus{outline:none}
.skip{position:absolute;left:-200vw;top:0;background:var(--accent);color:var(--accent-ink);padding:.6rem 1.1rem;z-index:3}
.skip:focus{left:0}
.banner{background:var(--band);color:var(--band-ink);padding:.45rem 1.25rem;font-size:.9rem;text-align:center}
.bar,main,.foot{max-width:74rem;margin:0 auto;padding-inline:1.25rem}
header.site{background:var(--paper);border-bottom:1px solid var(--line)}
.bar{display:flex;flex-wrap:wrap;gap:.2rem 1.5rem;align-items:center;padding-block:.55rem}
.brand{font-weight:700;font-size:1.1rem;letter-spacing:-.01em;text-decoration:none;color:var(--ink);padding:.45rem 0;margin-right:auto;display:flex;gap:.6rem;align-items:center}
.brand svg{flex:none;color:var(--accent)}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem .15rem;list-style:none;margin:0;padding:0}
nav a{display:block;padding:.5rem .7rem;border-radius:.5rem;text-decoration:none;color:var(--soft);font-size:.96rem}
nav a:hover{background:var(--ground);color:var(--ink)}
nav a[aria-current]{color:var(--ink);font-weight:600;box-shadow:inset 0 -2px var(--accent);border-radius:.5rem .5rem 0 0}
.tongue{border-left:1px solid var(--line);padding-left:.6rem}
main{padding-block:1.6rem 3rem}
h1{font-size:clamp(1.55rem,1.1rem + 2.1vw,2.3rem);line-height:1.18;letter-spacing:-.02em;margin:.1rem 0 .5rem;overflow-wrap:anywhere;text-wrap:balance}
h2{font-size:1.22rem;line-height:1.3;letter-spacing:-.01em;margin:0 0 .6rem}
h3{font-size:1.08rem;line-height:1.35;margin:0;overflow-wrap:anywhere}
p{margin:.3rem 0 .7rem;max-width:68ch}
.lead{font-size:1.13rem;color:var(--soft);margin-bottom:1.2rem;text-wrap:pretty}
h1+.lead,.hero .lead,form+.soft{max-width:none}form+.soft{margin-top:.8rem}
.lead+.actions,h1+.actions{margin-top:0}.lead:has(+.actions){margin-bottom:.8rem}
.actions:has(+.columns){margin-bottom:1.3rem}
.wishes{display:flex;flex-wrap:wrap;gap:.5rem .7rem;align-items:baseline;margin:.2rem 0 1.1rem}
.wishes ul{display:flex;flex-wrap:wrap;gap:.45rem;list-style:none;margin:0;padding:0}
.wishes li{display:flex;align-items:center;background:var(--tint);border:1px solid var(--line);border-radius:2rem;padding-left:.9rem;font-weight:550;min-width:0}
.wishes li span{overflow-wrap:anywhere;padding:.25rem 0}
.wishes li a{display:grid;place-items:center;min-width:2.2rem;min-height:2.2rem;text-decoration:none;font-size:1.2rem;line-height:1;border-radius:2rem}
.wishes li a:hover{background:var(--line)}
.soft,.hint{color:var(--soft);font-size:.92rem}
.trail{font-size:.92rem;margin:0 0 .3rem}
.card{background:var(--paper);border:1px solid var(--line);border-radius:1rem;padding:1.25rem;margin:0 0 1rem;box-shadow:var(--shadow)}
.card,.hit,.problem{overflow-wrap:anywhere}
.card>:last-child,.card>form>:last-child,.verdict>:last-child,.place>:last-child,.hit p:last-child{margin-bottom:0}
form.search{display:grid;gap:1rem 1.1rem;grid-template-columns:repeat(12,minmax(0,1fr))}
form.search>*{grid-column:span 6}form.search>div{align-self:end}
form.search .all{grid-column:1/-1}
.choices{display:flex;flex-wrap:wrap;gap:.2rem 2rem}
form.search .third{grid-column:span 4}
form.search .few{grid-column:span 3}
label,legend{font-weight:600;font-size:.95rem;display:block;margin-bottom:.25rem;padding:0}
label .hint,legend .hint{font-weight:400;display:block}
fieldset{border:0;margin:0;padding:0;min-width:0}
.choice{display:flex;gap:.6rem;flex-wrap:wrap}
.choice label{display:flex;gap:.6rem;align-items:center;font-weight:500;border:1px solid var(--edge);border-radius:.7rem;padding:.6rem .9rem;margin:0;flex:1 1 16rem;cursor:pointer;min-height:2.9rem}
.choice label:has(:checked){border-color:var(--accent);background:var(--tint);box-shadow:inset 0 0 0 1px var(--accent)}
.tick{display:flex;gap:.6rem;align-items:center;font-weight:500;min-height:2.5rem;margin:0}
form.search .choices{margin-block:-.25rem!important}form.search details{margin-top:-.7rem}
input[type=radio],input[type=checkbox]{width:1.2rem;height:1.2rem;accent-color:var(--accent);flex:none;margin:0}
input:not([type=radio],[type=checkbox]),select,textarea{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--edge);border-radius:.6rem;padding:.6rem .75rem;width:100%;min-height:2.9rem}
input:not([type=radio],[type=checkbox]),select{height:2.9rem;padding-block:0}
[aria-invalid][aria-describedby]{border:2px solid var(--look);background:var(--look-bg)}
textarea{min-height:10rem;font:.85rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
button,.button{font:inherit;font-weight:650;background:var(--accent);color:var(--accent-ink);border:1px solid var(--accent);border-radius:.7rem;padding:.65rem 1.5rem;min-height:2.9rem;cursor:pointer;display:inline-block;text-decoration:none;text-align:center}
button:hover,.button:hover{filter:brightness(1.1)}
.button.plain{background:transparent;color:var(--accent);border-color:var(--edge)}
details{margin:0}details.card{padding-block:.45rem}details.card[open]{padding-bottom:1.1rem}
summary{cursor:pointer;font-weight:600;padding:.5rem 0;color:var(--accent)}
details .grid{display:grid;gap:1rem 1.1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,13rem),1fr));padding-top:.6rem}
.chips{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;margin:.3rem 0 1.6rem;padding:0}
.chips a{display:inline-block;background:var(--paper);border:1px solid var(--line);border-radius:2rem;padding:.45rem 1rem;text-decoration:none;color:var(--ink)}
.chips a:hover{border-color:var(--accent);color:var(--accent)}
.facts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,16rem),1fr));margin:1.6rem 0 0;padding:0;list-style:none}
.facts h3{margin-bottom:.2rem}.facts .card{margin:0}
.pair{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}.pair .card{margin:0}
.hero{background:var(--hero);margin:-1.6rem calc(50% - 50vw) 1.6rem;padding:2.2rem calc(50vw - 50%) 1.8rem}
.tools{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;align-items:baseline;margin:.4rem 0 1rem}
.tools p{margin:0;max-width:none}
.tools ul,.inline{display:flex;flex-wrap:wrap;gap:.1rem .3rem;list-style:none;margin:0;padding:0}
.tools li a,.tools li span{display:inline-block;padding:.25rem .6rem;border-radius:.5rem}
.tools li [aria-current]{background:var(--calm-bg);font-weight:600;color:var(--ink);text-decoration:none}
.tools .end{margin-left:auto;display:flex;gap:.4rem;align-items:baseline}
.results{display:grid;gap:1.2rem;grid-template-columns:minmax(0,1fr) 23rem;align-items:start}
.results.alone{grid-template-columns:minmax(0,1fr)}
.results aside{position:sticky;top:1rem}
ol.hits{list-style:none;margin:0;padding:0;display:grid;gap:.8rem}
.hit{display:grid;grid-template-columns:2.3rem minmax(0,1fr);gap:.2rem .9rem;background:var(--paper);border:1px solid var(--line);border-radius:1rem;padding:1.05rem 1.2rem;box-shadow:var(--shadow)}
.hit p{margin:.1rem 0}
.pin{display:grid;place-items:center;width:2.1rem;height:2.1rem;border-radius:50%;background:var(--accent);color:var(--accent-ink);font-weight:700;font-size:.95rem;font-variant-numeric:tabular-nums}
.pin.none{background:var(--calm-bg);color:var(--soft)}
.listed{list-style:none;margin:.4rem 0 .5rem;padding:0;display:grid;gap:.3rem}
.listed li{display:flex;flex-wrap:wrap;gap:.15rem .6rem;align-items:baseline;font-size:.95rem}
.badge{font-size:.87rem;border-radius:.5rem;padding:.12rem .6rem;background:var(--calm-bg)}
.badge.good{background:var(--good-bg);color:var(--good);font-weight:600}
.badge.look{background:var(--look-bg);color:var(--look)}
.row{display:flex;flex-wrap:wrap;gap:.1rem 1.3rem;align-items:baseline}
.map svg{width:100%;height:auto;display:block;border-radius:.8rem;background:var(--hero)}
.map{padding:.7rem}
.map p{margin:.5rem .3rem .1rem}
.map .land{fill:var(--paper);stroke:var(--edge);stroke-width:1}
.map .near{fill:none;stroke:var(--line);stroke-width:1}
.map .ring{fill:none;stroke:var(--edge);stroke-width:1;stroke-dasharray:3 4}
.map .dot{fill:var(--accent);stroke:var(--paper);stroke-width:2}
.map text{font:600 12px system-ui,sans-serif;fill:var(--ink)}
.map .number{fill:var(--accent-ink);text-anchor:middle}
.map .small{paint-order:stroke;stroke:var(--paper);stroke-width:3px;font-weight:500;font-size:11px;fill:var(--soft)}
.map .small.middle{text-anchor:middle}
.map .cross{stroke:var(--look);stroke-width:2.5}
.columns{display:grid;gap:1rem 1.2rem;grid-template-columns:minmax(0,1fr) 21rem;align-items:start}
.columns>*>:last-child{margin-bottom:0}
dl{display:grid;grid-template-columns:minmax(8rem,max-content) minmax(0,1fr);gap:.45rem 1.2rem;align-items:baseline;margin:0 0 .6rem}
.columns>:last-child dl{grid-template-columns:minmax(0,1fr);gap:0}.columns>:last-child dd{margin:0 0 .7rem}
.listed+dl,h3+dl{margin-top:.6rem}
.card form>div,.card form>p{margin:0 0 .9rem}
form.search>div,form.search>p{margin:0!important}
dt{color:var(--soft);font-size:.95rem}
dd{margin:0;overflow-wrap:anywhere}
dd ul,ul.plain{list-style:none;margin:0;padding:0}
.list{margin:.2rem 0 .6rem;padding-left:1.15rem}
.list li{margin:.25rem 0}
.place{border-top:1px solid var(--line);padding-top:1rem;margin-top:1rem}
.place:first-of-type{border-top:0;padding-top:0;margin-top:0}
address{font-style:normal}dd address+address,dd li+li:has(address){margin-top:.5rem}
.verdict{border-radius:1rem;padding:1.3rem 1.4rem;margin:0 0 1rem;border:2px solid var(--edge);background:var(--calm-bg)}
.verdict h2{font-size:1.5rem;display:flex;gap:.7rem;align-items:center}
.verdict svg{flex:none}
.verdict p{max-width:none;text-wrap:pretty}
.verdict.good{border-color:var(--good);background:var(--good-bg)}.verdict.good h2{color:var(--good)}
.verdict.look{border-color:var(--look);background:var(--look-bg)}.verdict.look h2{color:var(--look)}
.problem{border-left:5px solid var(--look);background:var(--look-bg);border-radius:.5rem;padding:.8rem 1.1rem;margin:0 0 1rem}
.problem p:last-child{margin-bottom:0}
.actions{display:flex;flex-wrap:wrap;gap:.7rem;margin:.9rem 0}
.actions form{margin:0}
code,pre{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{background:var(--ground);border:1px solid var(--line);border-radius:.6rem;padding:.7rem .9rem;margin:.3rem 0 1rem;white-space:pre-wrap}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;vertical-align:top;padding:.45rem .8rem .45rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
footer{border-top:1px solid var(--line);color:var(--soft);font-size:.92rem}
.foot{padding-block:1.4rem 2.2rem}
.foot p{margin:.2rem 0;max-width:none}
.aside{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.narrow{max-width:30rem}
@media (max-width:56rem){.results,.columns{grid-template-columns:minmax(0,1fr)}.results aside{position:static}form.search>*,form.search .third{grid-column:span 6}form.search .few{grid-column:span 6}}
@media (max-width:40rem){body{font-size:1.03rem}.bar,main,.foot{padding-inline:.95rem}main{padding-block:1.1rem 2rem}.hero{margin-top:-1.1rem;padding-block:1.5rem 1.2rem}form.search>*,form.search .third{grid-column:1/-1}.tongue{border:0;padding:0;margin-left:auto}.tongue [aria-current]{display:none}.bar{gap:0}nav a{padding:.5rem .36rem;font-size:.89rem}nav ul{margin-left:-.36rem;gap:0}.tongue ul{margin:0 -.36rem 0 0}.brand{flex:1 1 0;min-width:0}.tongue{order:1}header nav:not(.tongue){order:2;flex-basis:100%}.brand{font-size:1.02rem;line-height:1.25}p.actions .button{flex:1 1 14rem}.hit{grid-template-columns:minmax(0,1fr);padding:.95rem 1rem;position:relative}.pin{position:absolute;right:.8rem;top:.8rem}.hit h3{padding-right:2.6rem}dl{grid-template-columns:minmax(0,1fr);gap:0}dd{margin-bottom:.6rem}.card{padding:1rem}button{width:100%}.tools .end{margin-left:0}}
@media (forced-colors:active){.badge,.pin,.verdict{border:1px solid}nav a[aria-current]{text-decoration:underline}}
@media (max-width:24rem){nav a{padding-inline:.28rem;font-size:.84rem}nav ul{margin-left:-.28rem}}
@media print{:root{color-scheme:light;--band:#fff;--band-ink:#000;--ground:#fff;--paper:#fff;--hero:#fff;--tint:#fff;--ink:#000;--soft:#333;--accent:#000;--line:#999;--calm-bg:#fff;--good:#000;--good-bg:#fff;--look:#000;--look-bg:#fff;--shadow:none}html{font-size:12.5px}body{font-size:1rem}.wishes li{padding-right:.9rem}.badge{border:1px solid #999}header.site nav,form,.skip,.actions,.chips,.noprint,.facts{display:none!important}.card,.hit,.verdict{break-inside:avoid;border-color:#999}.card:has(pre,.list){break-inside:auto}.card li,.card pre{break-inside:avoid}.card h2,.card h3,.card h3+p{break-after:avoid}.results,.columns{display:block}.results aside{position:static;break-inside:avoid}.results>*+*,.columns>*+*{margin-top:.75rem}.map svg{display:block;max-width:26rem;margin-inline:auto}.hit .pin{color:#000;background:#fff;border:1px solid}main,.bar,.foot{max-width:none;padding-inline:0}a{text-decoration:none}}
`;
