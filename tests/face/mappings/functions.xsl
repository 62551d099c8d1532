<?xml version="1.0" encoding="UTF-8"?>
<!--
  The functions of the hub that shipped mappings call, a second time: written from docs/referenz/funktionen.md in XSLT 3.0,
  for Saxon, so that what the hub makes is compared with something that does not come from it. The wrapper that includes
  this file declares the variable f:lists.

  Weaker than the hub: a code list in CSV has semicolons and no quotes; the lengths of IBANs are those of a few countries;
  the letters of DIN 91379 are ranges. A UUID is left as a mark, which the caller replaces by one that Python makes.
-->
<xsl:stylesheet version="3.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:xs="http://www.w3.org/2001/XMLSchema"
                xmlns:map="http://www.w3.org/2005/xpath-functions/map"
                xmlns:f="urn:rohrpost:functions:1"
                xmlns:my="urn:rohrpost:test"
                exclude-result-prefixes="xs map f my">

  <!-- Code lists -->

  <xsl:variable name="my:tables" as="map(xs:string, map(*))"
                select="map:merge($f:lists ! map { string(@name): my:table(.) })"/>

  <xsl:function name="my:table" as="map(*)">
    <xsl:param name="list"/>
    <xsl:variable name="rows" as="array(xs:string)*"
                  select="if (ends-with($list/@href, '.csv')) then my:csv($list/@href) else my:genericode($list/@href)"/>
    <xsl:variable name="columns" select="$rows[1]?*"/>
    <xsl:variable name="key" select="(index-of($columns, $list/@key), 1)[1]"/>
    <xsl:variable name="value" select="(index-of($columns, $list/@value), (1 to count($columns))[. ne $key])[1]"/>
    <xsl:sequence select="map {
      'value': $columns[$value],
      'rows': map:merge(tail($rows) ! map { .($key): map:merge(for $row in ., $at in 1 to array:size($row)
                                                               return map { $columns[$at]: $row($at) }) })
    }" xmlns:array="http://www.w3.org/2005/xpath-functions/array"/>
  </xsl:function>

  <xsl:function name="my:csv" as="array(xs:string)*">
    <xsl:param name="href"/>
    <xsl:sequence select="unparsed-text-lines($href)[. ne ''] ! array { tokenize(., ';') }"/>
  </xsl:function>

  <xsl:function name="my:genericode" as="array(xs:string)*">
    <xsl:param name="href"/>
    <xsl:variable name="list" select="doc($href)/*"/>
    <xsl:variable name="columns" select="$list/ColumnSet/Column/string(@Id)"/>
    <xsl:sequence select="array { $columns },
                          $list/SimpleCodeList/Row ! (let $row := . return
                            array { $columns ! (let $id := . return string($row/Value[@ColumnRef = $id])
                                                ! normalize-space(.)) })"/>
  </xsl:function>

  <xsl:function name="f:code">
    <xsl:param name="list"/>
    <xsl:param name="key"/>
    <xsl:sequence select="f:code($list, $key, $my:tables(string($list))('value'))"/>
  </xsl:function>

  <xsl:function name="f:code">
    <xsl:param name="list"/>
    <xsl:param name="key"/>
    <xsl:param name="column"/>
    <xsl:variable name="row" select="$my:tables(string($list))('rows')(string($key))"/>
    <xsl:sequence select="if (exists($row)) then $row(string($column)) else my:refuse('no code ' || $key)"/>
  </xsl:function>

  <xsl:function name="f:has-code">
    <xsl:param name="list"/>
    <xsl:param name="key"/>
    <xsl:sequence select="map:contains($my:tables(string($list))('rows'), string($key))"/>
  </xsl:function>

  <xsl:function name="my:refuse">
    <xsl:param name="why"/>
    <xsl:sequence select="error(xs:QName('my:refused'), 'refused: ' || $why)"/>
  </xsl:function>

  <!-- Dates -->

  <xsl:function name="f:date">
    <xsl:param name="given"/>
    <xsl:variable name="text" select="string($given)"/>
    <xsl:variable name="dotted" select="analyze-string($text, '^(\d\d?)\.(\d\d?)\.(\d{4})$')//*:group ! xs:integer(.)"/>
    <xsl:sequence select="if (exists($dotted))
                          then string(xs:date(string-join((format-integer($dotted[3], '0000'),
                                                           format-integer($dotted[2], '00'),
                                                           format-integer($dotted[1], '00')), '-')))
                          else if (matches($text, 'T')) then format-dateTime(my:german($text), '[Y0001]-[M01]-[D01]')
                          else string(xs:date($text))"/>
  </xsl:function>

  <xsl:function name="f:date-de">
    <xsl:param name="given"/>
    <xsl:sequence select="format-date(xs:date(f:date($given)), '[D01].[M01].[Y0001]')"/>
  </xsl:function>

  <xsl:function name="f:date-time-de">
    <xsl:param name="given"/>
    <xsl:sequence select="format-dateTime(my:german(string($given)), '[D01].[M01].[Y0001] [H01]:[m01]')"/>
  </xsl:function>

  <!-- Summer time runs from the last Sunday of March to that of October, 01:00 UTC each. -->
  <xsl:function name="my:german" as="xs:dateTime">
    <xsl:param name="text"/>
    <xsl:variable name="moment" select="adjust-dateTime-to-timezone(xs:dateTime($text), xs:dayTimeDuration('PT0H'))"/>
    <xsl:variable name="year" select="format-dateTime($moment, '[Y0001]')"/>
    <xsl:variable name="summer" select="$moment ge my:last-sunday($year || '-03-31')
                                        and $moment lt my:last-sunday($year || '-10-31')"/>
    <xsl:sequence select="adjust-dateTime-to-timezone($moment, xs:dayTimeDuration(if ($summer) then 'PT2H' else 'PT1H'))"/>
  </xsl:function>

  <xsl:function name="my:last-sunday" as="xs:dateTime">
    <xsl:param name="last-day"/>
    <xsl:variable name="day" select="xs:date($last-day)"/>
    <!-- 4 January 1970 was a Sunday. -->
    <xsl:variable name="since" select="days-from-duration($day - xs:date('1970-01-04')) mod 7"/>
    <xsl:sequence select="dateTime($day - xs:dayTimeDuration('P1D') * $since, xs:time('01:00:00Z'))"/>
  </xsl:function>

  <!-- Numbers -->

  <xsl:decimal-format name="my:german" decimal-separator="," grouping-separator="."/>

  <xsl:function name="my:decimal" as="xs:decimal">
    <xsl:param name="given"/>
    <xsl:variable name="text" select="string($given)"/>
    <xsl:sequence select="if (matches($text, '^-?(\d{1,3}(\.\d{3})+|\d+),\d+$'))
                          then xs:decimal(translate(translate($text, '.', ''), ',', '.'))
                          else xs:decimal($text)"/>
  </xsl:function>

  <xsl:function name="f:number">
    <xsl:param name="given"/>
    <xsl:sequence select="string(my:decimal($given))"/>
  </xsl:function>

  <xsl:function name="f:number-de">
    <xsl:param name="given"/>
    <xsl:param name="digits"/>
    <xsl:variable name="number" select="my:decimal($given)"/>
    <xsl:variable name="power" select="xs:decimal(string-join(('1', (1 to xs:integer($digits)) ! '0')))"/>
    <xsl:variable name="rounded" select="floor(abs($number) * $power + 0.5) div $power"/>
    <xsl:sequence select="(if ($number lt 0 and $rounded ne 0) then '-' else '')
                          || format-number($rounded, '#.##0,' || string-join((1 to xs:integer($digits)) ! '0'), 'my:german')"/>
  </xsl:function>

  <!-- ISO 7064, mod 97-10 -->
  <xsl:function name="f:iban">
    <xsl:param name="given"/>
    <xsl:variable name="iban" select="upper-case(translate(string($given), ' ', ''))"/>
    <xsl:variable name="length" select="map { 'DE': 22, 'AT': 20, 'CH': 21, 'MT': 31 }(substring($iban, 1, 2))"/>
    <xsl:variable name="digits"
                  select="string-join(string-to-codepoints(substring($iban, 5) || substring($iban, 1, 4))
                                      ! (if (. ge 65) then . - 55 else . - 48))"/>
    <xsl:sequence select="if (string-length($iban) eq $length and xs:integer($digits) mod 97 eq 1) then $iban
                          else my:refuse('no IBAN')"/>
  </xsl:function>

  <!-- Characters -->

  <!-- All data types alike: the letters of shipped cases are in all of them, or in none. -->
  <xsl:function name="f:is-din-91379">
    <xsl:param name="given"/>
    <xsl:param name="type"/>
    <xsl:sequence select="matches($given, '^[ -~&#xA0;-&#x17E;&#x18F;&#x1CD;-&#x1E7;&#x1F0;-&#x1F5;&#x200;-&#x233;&#x2B0;-&#x2CC;&#x300;-&#x36F;&#x1E00;-&#x1EFF;’]*$')"/>
  </xsl:function>

  <xsl:function name="f:din-91379">
    <xsl:param name="given"/>
    <xsl:param name="type"/>
    <xsl:sequence select="if (f:is-din-91379($given, $type)) then string($given) else my:refuse('DIN 91379')"/>
  </xsl:function>

  <!-- ICAO Doc 9303-3, section 6, table A: what is not the base letter. -->
  <xsl:variable name="my:letters" select="map {
    'ä': 'ae', 'ö': 'oe', 'ü': 'ue', 'ß': 'ss', 'æ': 'ae', 'ø': 'oe', 'œ': 'oe', 'å': 'aa', 'þ': 'th', 'ð': 'd', 'đ': 'd',
    'ħ': 'h', 'ı': 'i', 'ĳ': 'ij', 'ł': 'l', 'ŋ': 'n', 'ŧ': 't', 'ĸ': 'q', '’': '''', '‘': '''', '–': '-',
    'Ä': 'Ae', 'Ö': 'Oe', 'Ü': 'Ue', 'ẞ': 'SS', 'Æ': 'Ae', 'Ø': 'Oe', 'Œ': 'Oe', 'Å': 'Aa', 'Þ': 'Th', 'Ð': 'D', 'Đ': 'D',
    'Ħ': 'H', 'Ĳ': 'Ij', 'Ł': 'L', 'Ŋ': 'N', 'Ŧ': 'T' }"/>

  <xsl:function name="my:ascii" as="xs:string">
    <xsl:param name="character" as="xs:string"/>
    <xsl:sequence select="($my:letters($character), replace(normalize-unicode($character, 'NFD'), '\p{M}', ''))[1]"/>
  </xsl:function>

  <xsl:function name="my:ascii-text" as="xs:string">
    <xsl:param name="given"/>
    <xsl:sequence select="string-join(string-to-codepoints(normalize-unicode(string($given), 'NFC'))
                                      ! my:ascii(codepoints-to-string(.)))"/>
  </xsl:function>

  <xsl:function name="f:transliterate">
    <xsl:param name="given"/>
    <xsl:variable name="text" select="my:ascii-text($given)"/>
    <xsl:sequence select="if (matches($text, '^[ -~]*$')) then $text else my:refuse('no base letter')"/>
  </xsl:function>

  <xsl:function name="f:file-name">
    <xsl:param name="given"/>
    <xsl:variable name="tidy" select="replace(my:ascii-text($given), '[^A-Za-z0-9.\-_]+', '_')"/>
    <xsl:variable name="parts" select="analyze-string($tidy, '^(.+)(\.[^.]+)$')//*:group/string()"/>
    <xsl:variable name="ending" select="string($parts[2])"/>
    <xsl:variable name="stem" select="replace(if (exists($parts)) then $parts[1] else $tidy, '^_+|_+$', '')"/>
    <xsl:sequence select="substring($stem, 1, 100 - string-length($ending)) || $ending"/>
  </xsl:function>

  <!-- U+E000 namespace, bar, code points of the name, U+E001: nothing that a serialiser would change. -->
  <xsl:function name="f:uuid">
    <xsl:param name="namespace"/>
    <xsl:param name="name"/>
    <xsl:sequence select="'&#xE000;' || $namespace || '|'
                          || string-join(string-to-codepoints(string($name)), '.') || '&#xE001;'"/>
  </xsl:function>
</xsl:stylesheet>
