// The one stylesheet of the staff pages and of printed reports: system fonts, light and dark, narrow to wide, paper.
// Contrast of text is at least 4.5:1 in both schemes (WCAG 2.2 AA, 1.4.3); no meaning is carried by colour alone.
export const STYLE = `:root{color-scheme:light dark;--ink:#1c2733;--soft:#4d5b6a;--line:#d4dbe2;--paper:#fff;--ground:#f4f6f8;--accent:#0b5a8a;--accent-ink:#fff;--good:#1b6b3a;--look:#7a4b00;--act:#a3241c;--band:#fff4d6;--band-ink:#553b00;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
@media (prefers-color-scheme:dark){:root{--ink:#e6ebf0;--soft:#aab6c2;--line:#36424e;--paper:#19212a;--ground:#11171d;--accent:#7cc0ee;--accent-ink:#0b1a26;--good:#7fd39c;--look:#f0be6a;--act:#ff9d94;--band:#3a2f12;--band-ink:#ffe3a3}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
a{color:var(--accent);text-underline-offset:.15em}
a:hover{text-decoration-thickness:2px}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:2px}
.skip{position:absolute;left:-100vw;top:0;background:var(--accent);color:var(--accent-ink);padding:.5rem 1rem;z-index:2}
.skip:focus{left:0}
.banner{margin:0;max-width:none;background:var(--band);color:var(--band-ink);padding:.4rem 1.25rem;font-size:.9rem}
header.site{background:var(--paper);border-bottom:1px solid var(--line)}
.bar{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:center;padding:.6rem 1.25rem .4rem;max-width:90rem;margin:0 auto}
.bar nav{flex-basis:100%;margin-left:-.7rem}
.brand{font-weight:650;text-decoration:none;color:var(--ink)}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem .25rem;list-style:none;margin:0;padding:0}
nav a{display:block;padding:.4rem .7rem;border-radius:.4rem;text-decoration:none;color:var(--soft)}
nav a:hover{background:var(--ground);color:var(--ink)}
nav a[aria-current]{background:var(--ground);color:var(--ink);font-weight:600;box-shadow:inset 0 -2px var(--accent)}
.who{margin-left:auto;display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:center;font-size:.9rem;color:var(--soft)}
.who form{margin:0}
main{max-width:90rem;margin:0 auto;padding:1.25rem}
h1{font-size:1.6rem;line-height:1.25;margin:.25rem 0 .75rem;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:1.1rem;line-height:1.3;margin:0 0 .5rem}
p{margin:.25rem 0 .6rem;max-width:75ch}
.trail{font-size:.9rem;color:var(--soft);margin:0}
.lead p{font-size:1.02rem}
.note,.files,.paging,.empty{color:var(--soft);font-size:.9rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.8rem;margin:1rem 0;padding:0;list-style:none}
.tile{background:var(--paper);border:1px solid var(--line);border-radius:.6rem;padding:.9rem 1rem}
.tile strong{display:block;font-size:1.9rem;line-height:1.1;font-weight:650;font-variant-numeric:tabular-nums}
.tile .what{display:block;font-weight:600;margin-top:.15rem}
.tile .more{display:block;color:var(--soft);font-size:.9rem;margin-top:.15rem}
section.table,section.box{background:var(--paper);border:1px solid var(--line);border-radius:.6rem;padding:1rem;margin:1rem 0}
.scroll{overflow-x:auto;margin:0 -1rem;padding:0 1rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.42rem .65rem;border-bottom:1px solid var(--line)}
thead th{color:var(--soft);font-weight:600;font-size:.82rem;vertical-align:bottom;border-bottom:2px solid var(--line)}
tbody th{font-weight:600}
tfoot th,tfoot td{font-weight:650;border-bottom:0;border-top:2px solid var(--line)}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tbody tr:hover{background:var(--ground)}
td time,th time{display:inline-block;min-width:7.4rem}
code{font:.88em/1.4 var(--mono);overflow-wrap:anywhere}
th code,td.hash code{overflow-wrap:break-word}
td.hash:has(code){min-width:17rem}
td.check{min-width:11rem}
td{min-width:5.5rem}
td.number{min-width:0}
td code{word-break:break-word}
.short{white-space:nowrap}
thead th.number{white-space:normal}
th.name{min-width:9.5rem}
@media screen and (min-width:40.01rem){.many table{font-size:.84rem}.many thead th{font-size:.78rem}.many :is(th,td){padding-inline:.3rem}.many td:not(.hash){min-width:4.6rem}.many :is(td.number,td.nothing){min-width:0}.many th.name{min-width:7.5rem}.many td.hash:has(code){min-width:12rem}.many time{min-width:6.2rem}}
table.figures{width:auto}
table.figures td{min-width:7rem}
td.hash code{word-break:break-all}
.tone-good{color:var(--good);font-weight:600}
.tone-look{color:var(--look)}
.tone-act{color:var(--act);font-weight:600}
.aside{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
pre{font:.82rem/1.45 var(--mono);background:var(--ground);border:1px solid var(--line);border-radius:.4rem;padding:.75rem;margin:.25rem 0;overflow:auto;max-height:36rem;white-space:pre-wrap;overflow-wrap:anywhere}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem}
.pair>*{min-width:0}
.contents{margin:1rem 0;padding:.6rem 1rem;background:var(--paper);border:1px solid var(--line);border-radius:.6rem}
.contents h2{font-size:.95rem;margin:0 0 .25rem}
.contents ul{display:block;columns:17rem;column-gap:1.5rem}
.contents li{break-inside:avoid;padding:.2rem 0;line-height:1.35}
.contents a{display:inline;padding:0;color:var(--accent);font-size:.92rem;text-decoration:underline}
.contents a:hover{background:none;color:var(--accent)}
.contents .none{color:var(--soft);font-size:.85rem}
h2{scroll-margin-top:.75rem}
.hidden{white-space:nowrap;color:var(--soft)}
section.sight{padding:.7rem 1rem}
section.sight h2{font-size:1rem;margin:0 0 .25rem}
section.sight p{margin:.25rem 0;max-width:none}
section.sight details{margin:.25rem 0 0}
form.sight{font-size:.92rem;margin:.5rem 0}
form.filter{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:end;margin:.5rem 0 1rem}
form.filter>*{min-width:0;max-width:100%}
form.filter>label{display:grid;gap:.1rem}
form.filter select{width:100%;max-width:28rem}
form.filter>label>*{font-weight:400}
label{display:block;font-weight:600;font-size:.9rem}
label .hint{font-weight:400;color:var(--soft)}
input:not([type=radio],[type=checkbox]),select,textarea{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--soft);border-radius:.35rem;padding:.4rem .55rem;max-width:100%;min-height:2.4rem}
textarea{width:100%;min-height:4.5rem}
fieldset{border:1px solid var(--line);border-radius:.4rem;margin:0 0 1rem;padding:.5rem .9rem}
fieldset label{font-weight:400;padding:.3rem 0;display:flex;gap:.6rem;align-items:baseline}
fieldset input{flex:none}
.fields{display:flex;flex-wrap:wrap;gap:0 1rem}
.fields p{flex:1 1 10rem}
section.box .fields p>input{width:100%}
section p:last-child,section form:last-child p:last-child{margin-bottom:0}
.narrow p:last-child{margin-top:1rem}
button,.button{font:inherit;font-weight:600;background:var(--accent);color:var(--accent-ink);border:1px solid var(--accent);border-radius:.35rem;padding:.45rem 1rem;min-height:2.4rem;cursor:pointer;display:inline-block;text-decoration:none}
button.plain{background:transparent;color:var(--accent);border-color:var(--line);font-weight:500;min-height:1.9rem;padding:.2rem .7rem}
.narrow{max-width:30rem}
.narrow label{margin:.6rem 0 .25rem}
.narrow input:not([type=radio],[type=checkbox]){width:100%}
section.box label:has(>input:not([type=radio],[type=checkbox])),section.box label:has(>select){display:grid;gap:.2rem;max-width:26rem}
section.box label>input:not([type=radio],[type=checkbox]),section.box label>select{width:100%;font-weight:400}
label:has(>input[type=checkbox]){display:flex;gap:.6rem;align-items:baseline;font-weight:400}
p.good{border-left:4px solid var(--good);padding:.4rem .8rem;background:var(--paper);margin:.5rem 0 1rem}
.problem{border-left:4px solid var(--act);padding:.4rem .8rem;background:var(--paper);margin:.5rem 0 1rem}
details{margin:.5rem 0}
li>form{margin:.4rem 0}
summary{cursor:pointer;font-weight:600;padding:.25rem 0}
footer{max-width:90rem;margin:0 auto;padding:0 1.25rem 2rem;color:var(--soft);font-size:.85rem}
section.box p>input,section.box p>select{width:min(100%,34rem)}
@media (max-width:40rem){main{padding:.9rem}.bar{padding:.6rem .9rem}.who{margin-left:0}h1{font-size:1.35rem}thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}table,tbody,tfoot,tr,th,td{display:block;width:auto}.scroll{overflow:visible}tr{border-bottom:1px solid var(--line);padding:.45rem 0}tfoot tr{border-bottom:0;border-top:2px solid var(--line)}th,td,td.hash,td.check,.number{border:0!important;padding:.1rem 0;min-width:0;text-align:left}th,td{overflow-wrap:anywhere}td{display:flow-root}td,td.hash,td.check,td.number{padding-left:9rem}td::before{content:attr(data-label);color:var(--soft);font-size:.85em;float:left;width:8.5rem;margin-left:-9rem}td.number{white-space:normal}td.nothing{display:none}table.figures td::before,.pairs td::before{content:none}table.figures td,.pairs td{display:block;padding-left:0}table.figures tr{display:grid;grid-template-columns:minmax(0,1fr) auto;gap:.5rem}}
@page{margin:12mm}
.print-only{display:none}
@page wide{size:landscape}
@media print{body:has(section.table){page:wide}.print-only{display:block}footer{padding:0}:root{--ground:#fff;--paper:#fff;--ink:#000;--soft:#333;--accent:#000;--line:#999}header.site nav,.who,.files,form,form.filter,.pair>section.box:has(>form),section.box:has(>h2+form),.onward,.skip,.controls,.contents,details:not([open]){display:none}section.table,section.box{border:0;padding:0;break-inside:auto}.scroll{overflow:visible;margin:0;padding:0}table{font-size:7.5pt}th,td,td.hash,td.check{padding:1.5pt 4pt;min-width:0;overflow-wrap:break-word}td code,td a{overflow-wrap:anywhere}thead th{overflow-wrap:normal;font-size:7pt}td time,th time{min-width:0}.number{overflow-wrap:normal}h2{break-after:avoid;break-inside:avoid}main{padding:0;max-width:none}thead{display:table-header-group}tr{break-inside:avoid}pre{max-height:none}a{text-decoration:none}}
`;
