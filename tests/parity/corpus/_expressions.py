"""Expressions, one a line, for the corpus of Debezium's scripted transforms; see debezium_expressions.

By language: those that give a value for its record, those that fail for it, those that the originals take and headrace refuses, those that
neither takes.
"""

from __future__ import annotations

GROOVY = r"""
value.after.get('schema')
value.after['name']
value.after.nul
value.after?.city?.name
valueSchema.name
valueSchema.name()
valueSchema.type
valueSchema.optional
valueSchema.version
valueSchema.field('op').schema().type()
value.schema().name()
value.schema.name
keySchema.name
header.h.value
header.nope
header.nope?.value
header['h'].value
header.size()
header.containsKey('h')
value.after.id == 2L
value.after.id == '2'
value.after.id == 2.0
value.after.dec == 10.5
value.after.f32 == 1.1
value.after.f32 == 1.1f
value.after.f32
value.after.f64 == 2.5
value.after.id + 1
value.after.max + 1
value.after.n64 + 1
value.after.id / 4
value.after.n64 / 3
value.after.dec / 3
value.after.f64 / 3
value.after.id % 2
value.after.dec * 2
value.after.dec + 1.5
'a' + value.after.id
value.after.id + 'a'
value.after.f64 + 'a'
value.after.name + null
null + 'a'
'x' * 3
value.after.name ==~ /Ann.*/
value.after.name =~ 'zz' ? 1 : 2
value.after.name in ['a','Ann Bee']
value.after.id in [1,2L]
value.after.n64 in [1,2]
value.after.name.contains('nn')
value.after.name.size()
value.after.name.length()
value.after.name[0]
value.after.name[0..2]
value.after.nul ?: 'dflt'
value.after.empty ?: 'dflt'
value.after.zero ? 1 : 2
value.after.zero && true
!value.after.nul
value.after.nul == null
value.after.nul > 1
value.after.id > null
value.after.name < 'B'
value.after.id <=> 3
value.after.nul?.length()
"${value.op}-x"
"${value.op}-x" == 'u-x'
"plain"
topic.startsWith('srv')
topic.split('\\.')[1]
value.after.tags[0]
value.after.tags.size()
value.after.tags.contains('a')
'a' in value.after.tags
value.after.m.k
value.after.m['k']
value.after.m.get('k')
value.after.dflt
value.after.dt.time
value.after.dt.getTime() > 5
value.before == value.after
value.op.equals('u')
value.op != 'u' || value.op == 'u'
[1,2,3].contains(2)
[a:1].a
-value.after.id
+value.after.id
2 ** 3
5 & 3
value instanceof Map
value.op as String
value.getStruct('after').getInt32('id')
value.getString('op')
value.after.getWithoutDefault('dflt')
value.op == 'u';
value.op == 'u' ? 'a' : 'b'
value.op.toUpperCase()
value.op.matches('[uc]')
value.after.big == 9007199254740992
value.after.nan == value.after.nan
value.after.flag == true
value.after.flag == 'true'
value.after.id.toString() == '2'
value.after.n64.intValue()
value.op == "u"
1 == 1.0d
0.1 + 0.2 == 0.3
value.op in 'upd'
value.op !in ['u']
value.after.id.equals(2)
value.after.n64.equals(2)
value.after.name.toString()
value?.op
key.id
'''tri'''
'a\tb\u0041'
value.after.name.replaceAll('n','m')
value.after.name.replace('n','m')
value.after.name.tokenize(' ')
value.after.name.substring(1,3)
value.after.name.indexOf('n')
value.after.name.charAt(0)
value.after.name.isEmpty()
value.after.name.isBlank()
value.after.tags.isEmpty()
value.after.name.reverse()
value.after.name.capitalize()
value.after.name.compareTo('a')
value.after.name.equalsIgnoreCase('ann bee')
value.op.concat('x')
value.after.id.abs()
value.after.tags.join(',')
value.after.tags.any { it == 'a' }
'a' <=> 'b'
[1,2] == [1,2L]
value.op == 'u' && value.after.id == 2 // comment
value.op == 'u' /* c */
value.op != null
true && 'a'
'a' && 'b'
'a' || 'b'
null?.foo
value.after.dec.scale()
value.after.dec
value.after.dec > 10
10/4
7.intdiv(2)
10.0/3
value.source.table == 't'
value.after.id in 1..5
value.after.n64 in 1..5
3 in 1..<3
value.op in null
value.after.nul in ['a', null]
value.after.nul ==~ /a/
value.after.id ==~ /2/
(topic =~ /srv\.(.*)\.t/)[0][1]
(topic =~ /srv/)[0]
topic =~ /srv/ && true
!(topic =~ /nope/)
value.after.dec % 3
value.after.f64 % 2
value.after.nan > 1
value.after.nan < 1
value.after.nan == 1
value.after.f32 + value.after.f32
value.after.f32 * 2
value.after.n16 + value.after.n16
value.after.n16 == 2
value.after.n16 in [2]
value.after.n16
1/3
2/3
1.0d/0
5 - 3L
5 * 2.5
5 ** 2
2 ** -1
2 ** 0.5
2 ** 40
'abc' - 'b'
'abc' * 2
'a' < 'b'
'a' == "a"
true == 'true'
1 == true
null == false
[] ? 1 : 2
[:] ? 1 : 2
value.after.tags ? 1 : 2
value ? 1 : 2
0.0 ? 1 : 2
value.after.nan ? 1 : 2
value.after.dt > value.after.dt
value.after.dt == value.after.dt
value.after.tags == ['a','b']
value.after.tags[-1]
value.after.tags[5]
value.after.name[-1]
value.after.tags.get(0)
value.after.m.size()
value.after.m.nope
value.after.m.containsKey('k')
value.after.name.equals(null)
value.after.name.compareTo('Ann Bed') > 0
'2'.toInteger() + 1
'2'.toLong() + 1
'2.5'.toDouble() + 1
'2.5'.toBigDecimal() + 1
'2' as Integer
'2' as int
value.after.id as String
value.after.id as long
value.after.dec as int
value.after.id.toString() + 'x'
value.after.dec.toString()
value.after.dec.doubleValue()
value.after.dec.intValue()
value.after.id.longValue() == 2
value.after.n64 instanceof Long
value.op instanceof String
value.after.id > '1'
value.after.id > 'a'
value.after.id == 'a'
value.after.id == '\u0002'
'a' > 5
value.op.length() == 1
value.op.size() == 1
'a'.plus('b')
value.op?.toUpperCase()
value.before?.id
value.get('op')
key.get('id')
header.get('h').value
header.h?.value?.length()
header.empty
header.isEmpty()
header.n.value + 1
header.n.value in [5]
header.n.value in [5L]
valueSchema.name.endsWith('Envelope')
valueSchema.name().endsWith('Envelope')
valueSchema.field('nope')
valueSchema.field('nope') == null
valueSchema.field('op') != null
valueSchema.type() == 'STRUCT'
valueSchema.type().name() == 'STRUCT'
valueSchema.type().toString()
valueSchema.version()
valueSchema.doc()
valueSchema.isOptional()
valueSchema.parameters()
value.schema() == valueSchema
value.after.schema().field('id').schema().type().name()
value.schema.field('op').name
value.schema.field('op').name()
valueSchema.fields().size()
"${value.after.id}"
"x$topic"
"x$value.op"
"$value.after.dec|${value.after.f64}|${value.after.f32}|${value.after.nul}|${value.after.flag}|${1/3}"
"a\$b"
'a$b'
'it\'s'
"tab\tq\"uote"
'\u00e9'
/a\/b/
/a$/
"a" + "b" * 2
1 + 2 * 3 - 4 / 2
(1 + 2) * 3
!value.after.flag && true || false
value.op == 'u' == true
1 < 2 == true
-2 ** 2
- 2 + 1
!true == false
1 <=> 2
true & false
true | false
true ^ true
1 ? 2 : 3 ? 4 : 5
null ?: 1 ?: 2
value.op == 'c' ? 'a' : value.op == 'u' ? 'b' : 'c'
value.op == 'u' && value.after.id == 2
['a','b'].contains(value.op)
['a', 'b'] + 'c'
['c','u','r'].any { it == value.op }
value.op ==~ 'u|c'
value.op ==~ "u"
value.after.name.toLowerCase().contains('ann')
value.after.name.find(/n+/)
value.after.name.matches(/Ann.*/)
(value.after.name =~ /nn/).find()
(value.after.name =~ /nn/).matches()
(value.after.name =~ /nn/).size()
(value.after.name =~ /nn/).count
topic.tokenize('.')[1]
topic.split(/\./)[-1]
topic.lastIndexOf('.')
topic.substring(topic.lastIndexOf('.') + 1)
topic.minus('srv.')
topic - 'srv.'
topic.replaceFirst('srv', 'x')
topic.replaceAll(/s(r)v/, '$1')
topic[0..2]
topic[4..-1]
topic[0..<3]
value.after.big == 9007199254740993
value.after.big == 9007199254740992.0d
value.after.big > 9007199254740992L
12345678901
12345678901 == value.after.id
0x1F
0b11
017
1_000
1.5e3
1e3
1f
2.50
2.50 == 2.5
2.50.equals(2.5)
value.after.dec == 10.5d
value.after.dec.equals(10.5)
value.after.dec in [10.5]
value.after.dec in [10.50]
value.ts_ms > 1600000000000
value.ts_ms - value.ts_ms
value.ts_ms / 1000
(value.ts_ms / 1000) as long
value.ts_ms.intdiv(1000)
value.after.dt.time - 1
true.toString()
null.toString()
value.after.nul.toString()
value.after.nul as String
value.after.tags.every { it != 'z' }
value.after.tags.any { tag -> tag.startsWith('b') }
value.after.tags.find { it == 'b' }
value.after.tags.findAll { it == 'b' }.size()
value.after.tags.count { it == 'b' }
value.after.tags.any({ it == 'a' })
[1, 2, 3].any { it == value.after.id }
value.after.name.replaceAll(/(\w+) (\w+)/, '$2-$1')
value.after.name ==~ /(?i)ann.*/
value.after.name =~ /(?i)ANN/ ? 'y' : 'n'
value.op in ['c', 'u'] && value.after.id in [1, 2]
value.after.max * 2
value.after.max * 2L
value.after.big * value.after.big
value.after.n64 * 1.0
value.after.dec - 0.5
value.after.dec + value.after.f64
value.after.dec / value.after.dec
value.after.id / 3.0
1000 / 3
0 / (4 - 10)
0 * 2.5 * -1L
value.after.n16 % 2.5
value.after.dec % 2.5
20 % 0.5
47.0 % 2
100000000000 / 7
0.1 * 3
7 % -3
-7 % 3
-7.5 % 2
7 / 2 as int
(7 / 2) as int
value.after.f32 + 1
value.after.f32 == value.after.f64
value.after.f32 > 1.1
value.after.f32 + ''
value.after.f64 + ' ' + value.after.dec
value.after.id - value.after.n64
value.after.n16 * value.after.n16
value.after.n16 / 4
2L ** 3
2.5 ** 2
value.after.id == 2 ? 'two' : 'other'
value.after.nul?.trim()?.toLowerCase() ?: 'none'
value.after.city?.zip
value.after.city.name
value.after.gone?.name
value.after.gone?.name == null
value.after.gone?.name?.length()
value.after.nul == ''
value.after.empty == ''
value.after.empty == null
value.after.nul in ['x']
value.after.zero == 0
value.after.zero == null
value.after.zero == false
value.after.flag && value.after.id
value.after.flag ? 'on' : 'off'
value.after.flag == 1
value.after.flag != true
value.after.tags == null
value.after.tags.contains(value.op)
value.after.m.containsKey('x') ? 1 : 0
value.after.m == [k: 'v']
value.after.dt.time > 1600000000000
value.after.dt == null
value.after.big > 9007199254740992
value.after.big.toString()
value.after.dec.toString() == '10.50'
value.after.dec == 10.50
value.after.dec == 10.500
value.after.dec >= 10.5
value.after.dec == value.after.f64
value.after.name.toLowerCase() == 'ann bee'
value.after.name.trim().isEmpty()
value.after.name.substring(4)
value.after.name.indexOf('zz')
value.after.name.split(/n/)
value.after.name.split('n').size()
value.after.name.tokenize('n').size()
value.after.name + value.after.id + value.after.flag
'' + value.after.tags
'' + [1, 'a', null, 2.5, 1.5d]
'' + 1.0e10
'' + 1e-7d
'' + 123456789.0d
'' + 1.5f
'' + 100
'' + 12345678901L
"${value.source.table}_${value.op}".toString()
"$topic".toString()
"${topic.tokenize('.').last()}".toString()
"a" + "${value.op}"
"${value.op}" + "b"
"${value.op}" == value.op
"${value.op}" in ['u']
value.op == "${value.op}"
topic.split('\\.').last()
topic.split('\\.').size() == 3
topic ==~ /srv\.public\..*/
topic.matches('srv.*')
topic =~ /public/ ? topic.replace('public', 'p') : topic
topic[-1]
topic[0]
topic[0..-1]
topic[1..3]
topic[3..1]
header.h?.value == 'hv'
header.missing?.value == 'hv'
header.missing == null
header['missing']
header.containsKey('missing')
header.h.value + header.n.value
header.n.value == 5
header.n.value > 4
key.id + 1
key.get('id') == 2
key != null
keySchema.name == 't.Key'
keySchema.field('id').schema().type().toString()
valueSchema.field('after') != null && value.after != null
valueSchema.field('nothing')?.name()
value.getStruct('after').getString('name')
value.getInt64('ts_ms')
value.get('after').get('id')
value['after']['id']
value.'op'
value.after.'name'
value.source.get('schema')
value.source['schema'].name()
value.source.db + '.' + value.source.get('schema') + '.' + value.source.table
(value.op == 'u' || value.op == 'c') && !(value.after.id > 5)
value.op != 'd' && value.after.id >= 1 && value.after.id <= 10
value.op == 'u' & value.after.id == 2
true ^ false
5 | 2
'a'.compareTo('b')
'a' < 'B'
'Zürich'.toUpperCase()
'straße'.length()
'x'.equals(null)
null == null
null < 1
1 > null
null <=> null
[1, 2] == [1, 2]
[1, 2] == [2, 1]
[] == []
[a: 1, b: 2].size()
[a: 1].b
[a: 1]['a']
[1, 2, 3][1]
[1, 2, 3][-1]
[1, 2, 3][9]
[1, 2, 3].contains(3)
['a', 'b'].indexOf('b')
['a', 'b'].join('-')
['a', 'b'].first() + ['a', 'b'].last()
[[1, 2], [3]][1][0]
!''
!'a'
!0
!1
!null
![]
!value
!!value.after.name
-value.after.dec
-value.after.f64
+value.after.dec
1 + 1 == 2
1 + 1 + 'a' + 1 + 1
'1' + 1
'a' * 0
1 == 1L
1 == 1.0
1 == 1.0f
1.0 == 1.00
0.1f == 0.1
0.1d == 0.1
1 < 1.5
2147483647 + 1
2147483648 + 1
9223372036854775807 + 1
0x7fffffff + 1
1_000_000 + 1
10.intdiv(3)
'12'.toInteger() == 12
'12' as Integer
value.after.id as String == '2'
value.after.dec as double
value.after.id instanceof Integer
value.after.n64 instanceof Integer
value.after.n64 instanceof Number
value.after.nul instanceof String
value.after.id.abs() + value.after.id.longValue()
value.after.id.compareTo(3)
true && null
null || 'x'
value.after.nul || value.after.empty
value.op == null ?: 'x'
value.op ?: 'none'
0 ?: 5
'' ?: null ?: 'z'
true ? false ? 1 : 2 : 3
/a.c/ + 'x'
'a/b' ==~ /a\/b/
'a+b' ==~ /a\+b/
'line' ==~ 'l.*e'
('a1b22' =~ /[0-9]+/)[1]
('a1b22' =~ /([a-z])([0-9]+)/)[1][2]
('a1b22' =~ /[0-9]+/).size()
('a1b22' =~ /[0-9]+/).find()
'a1' =~ /z/ ? 1 : 0
!('a1' =~ /z/)
"""

GROOVY_FAILING = r"""
value.after.nope
header.nope.value
value.after.name > 1
value.after.nul.length()
value.nope?.x
value.after.name.toInteger()
value.after.dec > '10'
(topic =~ /nope/)[0]
1/0
1.0/0
1 % 0
value.after.name[50]
value.after.name.startsWith(null)
value.after.name.contains(null)
value.after.name.startsWith(2)
'ab' > 5
value.get('nope')
value['nope']
value.op.op
value.after.name.foo
value.after.id.foo
header.h.key
"x$value.op.y"
topic.split('.')[0]
value.after.bytes == null
value.after.gone.name
value.after.name.substring(10)
value.after.name.substring(-1)
value.after.name.charAt(99)
key.nope
value.getStruct('after').getString('id')
10.intdiv(0)
'x'.toInteger()
"""

GROOVY_REFUSED = r"""
value.after.values
value.after.class
headers
value.op === 'u'
value.op !== 'u'
1 << 2
def x = 1; x + 1
Integer.parseInt('2')
not true
~/a/
value.after.name.hashCode()
value.op is 'u'
value.after.id++
value.after.name.nope()
header.h.value()
header.h.getValue()
valueSchema.fields()*.name()
valueSchema.fields*.name
$/dollar/$
~5
a = 1
if (value.op == 'u') true else false
value.after.values[0]
value.metaClass
value.getClass()
[1, 2, 3].max()
[1,2].sum()
value.after.name.padLeft(10)
value.after.name =~ ~/nn/
9223372036854775808
value.op as char
"""

GROOVY_INVALID = r"""
Math.abs(-3)
System.exit(0)
new Date()
value.op == 'u' &&
"""

JAVASCRIPT = r"""
value.source.schema
value.after.values
value.after.nul
value.after.nope
value.after.nope === undefined
value.after.nul === null
value.after.nul == null
value.after?.city?.name
value.after.nope?.x
value.after.nul?.x
value['op']
valueSchema.name()
valueSchema.type().toString()
valueSchema.version()
valueSchema.isOptional()
valueSchema.field('op').name()
keySchema.name()
header.h.value
header.h.schema.name()
header.nope
header['h'].value
header.n.value == 5
header.n.value === 5
value.after.id == 2
value.after.id === 2
value.after.id == '2'
value.after.id === '2'
value.after.n64 === 2
value.after.big === 9007199254740992
value.after.big == 9007199254740993
value.after.big
value.after.big + 1
value.after.n64 + 1
value.after.n64
typeof value.after.big
typeof value.after.dec
value.after.dec == 10.5
value.after.dec == '10.50'
value.after.dec === 10.5
value.after.dec > 10
value.after.dec + 1
value.after.dec * 2
value.after.dec > value.after.id
Number(value.after.dec)
value.after.dec.toString()
value.after.dec.doubleValue() > 10
value.after.f32 === 1.1
value.after.f32
value.after.f32 > 1.1
value.after.max + 1
value.after.id / 4
value.after.id % 2 === 0
'a' + value.after.id
value.after.id + 'a'
value.after.f64 + 'a'
value.after.name + null
null + 'a'
value.after.nope + 'a'
value.after.name.startsWith('Ann')
value.after.name.endsWith('Bee')
value.after.name.includes('nn')
value.after.name.length
value.after.name[0]
value.after.name.charAt(0)
value.after.name.substring(1,3)
value.after.name.slice(-3)
value.after.name.indexOf('n')
value.after.name.toUpperCase()
value.after.name.toLowerCase()
value.after.name.trim()
value.after.name.split(' ')[1]
value.after.name.match(/zz/)
value.after.name.match(/n(n)/)[1]
value.after.name.match(/nn/) ? 1 : 2
/^Ann/.test(value.after.name)
/ann/i.test(value.after.name)
value.after.name.search(/B/)
value.after.name.replace('n','m')
value.after.name.replace(/n/g,'m')
value.after.name.replaceAll('n','m')
value.after.name.concat('x')
value.after.nul ?? 'd'
value.after.nul || 'd'
value.after.empty || 'd'
value.after.empty ?? 'd'
value.after.zero ? 1 : 2
value.after.zero && true
!value.after.nul
!!value.after.name
value.after.nul > 1
value.after.nul < 1
value.after.nope > 1
value.after.id > null
value.after.name > 1
value.after.name < 'B'
value.after.tags[0]
value.after.tags.length
value.after.tags.size()
value.after.tags.includes('a')
value.after.tags.contains('a')
value.after.tags.indexOf('b')
value.after.m.k
value.after.m['k']
value.after.m.get('k')
value.after.dflt
value.after.dt.getTime() > 5
value.after.dt > 5
value.before == value.after
value.after == value.after
['a','u'].includes(value.op)
['a','u'].indexOf(value.op) >= 0
[1,2].includes(value.after.n64)
[1,2].includes(value.after.dec)
['a','u'].some(x => x === value.op)
value.op in ['u']
'op' in value
'nope' in value
`${value.op}-x`
`t_${value.after.id}`
`t_${value.after.dec}_${value.after.f64}_${value.after.f32}`
"plain"
topic.startsWith('srv')
topic.split('.')[1]
topic.replace('srv', 'x')
value.after.flag == true
value.after.flag === 'true'
value.after.flag == 1
value.after.nan === value.after.nan
value.after.nan ? 1 : 2
-value.after.id
+value.after.id
+'5'
2 ** 3
5 & 3
value == null
value != null
key == null
key.id
typeof value.op
typeof value.op === 'string'
typeof value
value.op === 'u' ? 'a' : 'b'
value.op === 'u';
(value.op)
value.after.id.toString() === '2'
String(value.after.id)
parseInt('2') === value.after.id
Number('2')
Math.abs(-3)
Boolean(value.after.name)
value.after.id === 2 && value.op === 'u' // c
value.op == "u" /* c */
undefined
null
true
5
2.5
0.1 + 0.2 === 0.3
1/0
'' == 0
null == 0
null == undefined
'abc' == NaN
'b' > 'a'
'10' > 9
1 + '2' * 3
[1,2] + ''
value.op != 'u'
value.op !== 'u'
value.toString()
value.after.toString()
value + ''
!value.after.nope
value.after.nope == null
value.after.empty.length === 0
value.after.name?.length
value.after.nul?.length
value.after.nul?.length > 3
value.after.f64
value.after.id.toFixed(2)
'a' == value.op
value.ts_ms > 1600000000000
value.ts_ms === 1700000000000
value.ts_ms % 10
value.ts_ms
value.ts_ms + 1
value.ts_ms + ''
value.op.nope
value.after.id.foo
value.after.name.length > 3 && 'yes'
Array.isArray(value.after.tags)
value.after.id >= 2 && value.after.id <= 3
value.after.big - 1
value.after.big == 9007199254740992
value.after.big > 9007199254740992
value.after.tags.some(t => t === 'a')
value.after.tags.every(t => t !== 'z')
value.after.tags.find(t => t === 'b')
value.after.tags.find(t => t === 'z')
value.after.tags.filter(t => t === 'b').length
['c', 'u'].some((x) => x === value.op)
[1, 2].includes(value.after.id)
[1, 2].includes(value.after.dec)
['1', '2'].includes(value.after.id)
[NaN].includes(value.after.nan)
value.after.city?.zip
value.after.city.name
value.after.gone?.name
value.after.gone?.name.length
value.after.gone?.name?.length ?? 'none'
value.after.gone == null
value.after.gone === null
value.after.gone === undefined
value.after.nothing?.a.b.c
value.after?.['name']
value.after.tags?.[0]
value.after.tags[7]
value.after.tags[-1]
value.after.name[99]
value.after.name.length === 7
value.after.id + value.after.n64
value.after.id - '1'
value.after.id * '3'
value.after.id + '3'
value.after.flag + 1
value.after.nul + 1
value.after.nothing + 1
value.after.dec - 1
value.after.dec + value.after.dec
value.after.dec / 3
value.after.dec % 3
value.after.dec >= 10.5
value.after.dec < '9'
value.after.dec == value.after.dec
value.after.dec === value.after.dec
value.after.tags == value.after.tags
value.after.tags == 'a,b'
value.after.dec ? 1 : 2
-value.after.dec
value.after.big == '9007199254740993'
value.after.big + ''
value.after.big * 1
`${value.after.big}`
value.after.max * 2 + ''
value.after.f32 + ''
value.after.f64 * 2
0.1 + 0.2
1e21 + ''
1e-7 + ''
123456789012345680000 + ''
0.000001 + ''
100 + ''
-0 + ''
1.50 + ''
5 / 0 + ''
0 / 0 + ''
-5 % 3
5.5 % 2
2 ** 0.5 + ''
2 ** -1
7 / 2
7 & 3
5 | 2
5 ^ 1
null + 1
undefined + 1
true + true
[] + ''
[1] + 1
'5' * '2'
'a' * 1 + ''
'' == null
0 == ''
0 == '0'
0 === '0'
false == '0'
null == false
undefined == 0
NaN == NaN
'1' == 1
'01' == 1
' 1 ' == 1
'a' < 'b'
'a' < 'B'
'10' < '9'
'10' < 9
null >= 0
undefined >= 0
'x' > 1
true > false
!0
!''
!'0'
!NaN
!null
![]
!!value
typeof value.after.id
typeof value.after.flag
typeof value.after.nul
typeof value.after.nothing
typeof value.after.tags
typeof value.after
typeof undefined === 'undefined'
value.op === 'u' ? 'upd' : value.op === 'c' ? 'ins' : 'other'
value.op && value.after.name
value.after.nul && value.op
value.after.zero || 'zero'
value.after.zero ?? 'zero'
value.after.nul ?? value.op
value.after.name.substring(4)
value.after.name.substring(3, 1)
value.after.name.substring(-5)
value.after.name.slice(0, 3)
value.after.name.slice(-3, -1)
value.after.name.charAt(99) + '|'
value.after.name.indexOf('zz')
value.after.name.lastIndexOf('n')
value.after.name.includes(null)
value.after.name.startsWith('B')
value.after.name.split(' ').length
value.after.name.split('').length
value.after.name.split(/\s/)[1]
value.after.name.split('n').join('m')
value.after.name.replace(/(\w+) (\w+)/, '$2 $1')
value.after.name.replace('n', '[$&]')
value.after.name.replace(/n/g, '$$')
value.after.name.replaceAll(/n/g, 'm')
value.after.name.match(/(n)(n)/)[2]
value.after.name.match(/n/g).length
value.after.name.match(/x/) === null
value.after.name.search(/[A-Z]e/)
value.after.name.concat('-', value.op, 1)
value.after.name.repeat(2)
value.after.name.trim() === value.after.name
value.after.name.toUpperCase() === 'ANN BEE'
value.after.name.toString()
/^ann/i.test(value.after.name)
/^Ann$/.test(value.after.name)
/\d+/.test(value.after.id)
/null/.test(value.after.nul)
/a[/]b/.test('a/b')
/a$/.test('a\n')
topic.split('.')[2]
topic.split('.').length === 3
topic.startsWith('srv.public')
topic.replace('srv.public.', '')
topic.replace(/^.*\.([^.]+)$/, 'x-$1')
`${topic}-${value.op}`
`a${1 + 1}b`
`plain`
`${value.after.tags}`
`${value.after.nul}`
'it\'s'
"q\"q"
'\u00e9\x41'
header.h.value === 'hv'
header.missing?.value
header.missing == null
header['h'].value.length
header.n.value + 1
'h' in header
'x' in header
'after' in value
'nothing' in value.after
key.id === 2
key.nothing
keySchema.name() === 't.Key'
keySchema.field('id').schema().type().toString()
valueSchema.field('nothing') == null
valueSchema.name().endsWith('.Envelope')
value.source.schema === 'public'
value.source.db + '.' + value.source.schema + '.' + value.source.table
value['after']['name']
(value.op === 'u' || value.op === 'c') && !(value.after.id > 5)
value.ts_ms / 1000
value.ts_ms - value.ts_ms
Number('12') + 1
Number('x') + ''
Number(value.after.dec) + 1
String(value.after.id) + 1
String(null)
Boolean('')
parseInt('12px') + 1
parseFloat('1.5x')
isNaN('x')
Math.floor(2.7)
Math.round(2.5)
Math.max(1, 3, 2)
Math.abs(-value.after.id)
Array.isArray('x')
value.after.dec.scale()
value.after.dt.getTime()
value.after.tags.join('-')
value.after.m.k === 'v'
value.after.m.containsKey('k')
value.after.m['nothing'] == null
value.after.flag === true
value.after.flag == 'true'
(1.005).toFixed(2)
value.after.f64.toFixed(3)
value.after.id.toString() + 1
1 < 2 < 3
3 > 2 > 1
"""

JAVASCRIPT_FAILING = r"""
value.after.nope.x
value.after.nul.x
value.get('op')
header.nope.value
value.after.name.contains('nn')
value.after.gone.name
(value.after.nothing?.a).b
value.after.name.replaceAll(/n/, 'm')
"""

JAVASCRIPT_REFUSED = r"""
headers
value.after.name.equals('x')
value.after.name.length()
value.after.name.matches('A.*')
value.after.name.localeCompare('b')
1 << 2
var x = 1; x + 1
let x = 2; x
({a:1}).a
Object.keys(value).length
JSON.stringify(value)
new Date()
"""

JAVASCRIPT_INVALID = r"""
return value.op == 'u'
"""
