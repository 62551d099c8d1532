<?xml version="1.0" encoding="UTF-8"?>
<!--
  Anzeige einer Brunnenbohrung: from the portal's notice to the index data of a document in enaio, as
  `documents/insert` of osrest takes it in its part "data".

  Source: the hub's envelope with the notice (source.xsd) in hub:data. Target: JSON.
  XSLT 1.0 without extensions, so that every engine gives the same result. A field without a value is left out.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:hub="urn:rohrpost:envelope:1"
                xmlns:brunnenbohrung="urn:rohrpost:beispiel:brunnenbohrung:1">

  <xsl:output method="text" encoding="UTF-8"/>

  <!-- The object type that the DMS gives to such documents. -->
  <xsl:param name="objekttyp" select="'262146'"/>

  <!-- What JSON (RFC 8259, section 7) wants escaped and XML 1.0 can carry. -->
  <xsl:variable name="escaped-in-json" select="'&quot;\&#9;&#10;&#13;'"/>

  <xsl:template match="/hub:envelope">
    <xsl:variable name="anzeige" select="hub:data/brunnenbohrung:anzeige"/>
    <xsl:text>{&#10;  "objectTypeId": </xsl:text>
    <xsl:call-template name="json-string">
      <xsl:with-param name="text" select="$objekttyp"/>
    </xsl:call-template>
    <xsl:text>,&#10;  "fields": {</xsl:text>
    <!-- The id of the submission stands in every object, so it comes first and needs no comma before it. -->
    <xsl:call-template name="field">
      <xsl:with-param name="name" select="'HubId'"/>
      <xsl:with-param name="value" select="hub:submission/@id"/>
      <xsl:with-param name="comma" select="''"/>
    </xsl:call-template>
    <xsl:call-template name="field">
      <xsl:with-param name="name" select="'Vorgang'"/>
      <xsl:with-param name="value" select="hub:submission/@case"/>
    </xsl:call-template>
    <xsl:call-template name="field">
      <xsl:with-param name="name" select="'Eingang'"/>
      <xsl:with-param name="value">
        <xsl:apply-templates select="hub:submission/@received-at"/>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:apply-templates select="$anzeige"/>
    <xsl:call-template name="field">
      <xsl:with-param name="name" select="'Fachverfahren'"/>
      <xsl:with-param name="value"
                      select="hub:receipts/hub:receipt[@step = 'fachverfahren'][last()]/@reference"/>
      <!-- A file name whole: a reference that was cut finds nothing. -->
      <xsl:with-param name="limit" select="255"/>
    </xsl:call-template>
    <xsl:text>&#10;  }&#10;}&#10;</xsl:text>
  </xsl:template>

  <xsl:template match="brunnenbohrung:anzeige">
    <xsl:variable name="flurstueck">
      <xsl:apply-templates select="grundstueck"/>
    </xsl:variable>
    <xsl:call-template name="field">
      <xsl:with-param name="name" select="'Betreff'"/>
      <xsl:with-param name="value">
        <xsl:if test="/hub:envelope/hub:submission/@test = 'true'">TEST: </xsl:if>
        <xsl:value-of select="concat('Bohranzeige ', $flurstueck)"/>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="field">
      <xsl:with-param name="name" select="'Antragsteller'"/>
      <xsl:with-param name="value">
        <xsl:apply-templates select="antragsteller/natuerlichePerson | antragsteller/organisation"/>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="field">
      <xsl:with-param name="name" select="'Flurstück'"/>
      <xsl:with-param name="value" select="$flurstueck"/>
    </xsl:call-template>
    <xsl:call-template name="field">
      <xsl:with-param name="name" select="'Bemerkung'"/>
      <xsl:with-param name="value" select="vorhaben/erlaeuterung"/>
      <xsl:with-param name="limit" select="2000"/>
    </xsl:call-template>
  </xsl:template>

  <!-- As a register lists people: the name to look for comes first. -->
  <xsl:template match="natuerlichePerson">
    <xsl:value-of select="concat(normalize-space(nachname), ', ')"/>
    <xsl:if test="titel">
      <xsl:value-of select="concat(normalize-space(titel), ' ')"/>
    </xsl:if>
    <xsl:value-of select="normalize-space(vorname)"/>
  </xsl:template>

  <xsl:template match="organisation">
    <xsl:value-of select="normalize-space(name)"/>
  </xsl:template>

  <xsl:template match="grundstueck">
    <xsl:value-of select="concat('Gemarkung ', normalize-space(gemarkung), ', Flur ', normalize-space(flur),
                                 ', Flurstück ', normalize-space(flurstueck/zaehler))"/>
    <xsl:if test="flurstueck/nenner">
      <xsl:value-of select="concat('/', normalize-space(flurstueck/nenner))"/>
    </xsl:if>
  </xsl:template>

  <!-- The day of receipt as the authority's calendar has it: the instant is UTC, the deadline counts in German time.
       Summer time runs from the last Sunday of March to that of October, 01:00 UTC each (Directive 2000/84/EC). -->
  <xsl:template match="hub:submission/@received-at">
    <xsl:variable name="year" select="number(substring(., 1, 4))"/>
    <xsl:variable name="month" select="number(substring(., 6, 2))"/>
    <xsl:variable name="day" select="number(substring(., 9, 2))"/>
    <xsl:variable name="hour" select="number(substring(., 12, 2))"/>
    <xsl:variable name="last-sunday-of-march" select="31 - (floor(5 * $year div 4) + 4) mod 7"/>
    <xsl:variable name="last-sunday-of-october" select="31 - (floor(5 * $year div 4) + 1) mod 7"/>
    <xsl:variable name="moment" select="$month * 10000 + $day * 100 + $hour"/>
    <xsl:variable name="summer" select="$moment &gt;= 30001 + $last-sunday-of-march * 100
                                        and $moment &lt; 100001 + $last-sunday-of-october * 100"/>
    <xsl:call-template name="date">
      <xsl:with-param name="year" select="$year"/>
      <xsl:with-param name="month" select="$month"/>
      <xsl:with-param name="day" select="$day + number($hour + 1 + number($summer) &gt;= 24)"/>
    </xsl:call-template>
  </xsl:template>

  <!-- Writes DD.MM.YYYY; `day` may be one beyond the last of its month. -->
  <xsl:template name="date">
    <xsl:param name="year"/>
    <xsl:param name="month"/>
    <xsl:param name="day"/>
    <xsl:variable name="leap" select="($year mod 4 = 0 and $year mod 100 != 0) or $year mod 400 = 0"/>
    <xsl:variable name="last-day" select="number(substring('312831303130313130313031', 2 * $month - 1, 2))
                                          + number($month = 2 and $leap)"/>
    <xsl:choose>
      <xsl:when test="$day &lt;= $last-day">
        <xsl:value-of select="concat(format-number($day, '00'), '.', format-number($month, '00'), '.', $year)"/>
      </xsl:when>
      <xsl:when test="$month &lt; 12">
        <xsl:value-of select="concat('01.', format-number($month + 1, '00'), '.', $year)"/>
      </xsl:when>
      <xsl:otherwise>
        <xsl:value-of select="concat('01.01.', $year + 1)"/>
      </xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <!-- One field of the index, on a line of its own. What is longer than its field in the DMS is cut and marked. -->
  <xsl:template name="field">
    <xsl:param name="name"/>
    <xsl:param name="value"/>
    <xsl:param name="limit" select="200"/>
    <xsl:param name="comma" select="','"/>
    <xsl:variable name="text" select="string($value)"/>
    <xsl:if test="$text != ''">
      <xsl:value-of select="concat($comma, '&#10;    ')"/>
      <xsl:call-template name="json-string">
        <xsl:with-param name="text" select="$name"/>
      </xsl:call-template>
      <xsl:text>: {"value": </xsl:text>
      <xsl:call-template name="json-string">
        <xsl:with-param name="text">
          <xsl:choose>
            <xsl:when test="string-length($text) &gt; $limit">
              <xsl:value-of select="concat(substring($text, 1, $limit - 1), '…')"/>
            </xsl:when>
            <xsl:otherwise>
              <xsl:value-of select="$text"/>
            </xsl:otherwise>
          </xsl:choose>
        </xsl:with-param>
      </xsl:call-template>
      <xsl:text>}</xsl:text>
    </xsl:if>
  </xsl:template>

  <xsl:template name="json-string">
    <xsl:param name="text"/>
    <xsl:text>"</xsl:text>
    <xsl:call-template name="json-escape">
      <xsl:with-param name="text" select="string($text)"/>
    </xsl:call-template>
    <xsl:text>"</xsl:text>
  </xsl:template>

  <!-- Halves the text until a part holds nothing to escape or is one character. So the recursion is as deep as the
       logarithm of the length; one step per character would meet an engine's limit at some 3,000. -->
  <xsl:template name="json-escape">
    <xsl:param name="text"/>
    <xsl:variable name="length" select="string-length($text)"/>
    <xsl:choose>
      <xsl:when test="translate($text, $escaped-in-json, '') = $text">
        <xsl:value-of select="$text"/>
      </xsl:when>
      <xsl:when test="$length = 1">
        <xsl:call-template name="json-escaped-character">
          <xsl:with-param name="character" select="$text"/>
        </xsl:call-template>
      </xsl:when>
      <xsl:otherwise>
        <xsl:variable name="half" select="floor($length div 2)"/>
        <xsl:call-template name="json-escape">
          <xsl:with-param name="text" select="substring($text, 1, $half)"/>
        </xsl:call-template>
        <xsl:call-template name="json-escape">
          <xsl:with-param name="text" select="substring($text, $half + 1)"/>
        </xsl:call-template>
      </xsl:otherwise>
    </xsl:choose>
  </xsl:template>

  <xsl:template name="json-escaped-character">
    <xsl:param name="character"/>
    <xsl:choose>
      <xsl:when test="$character = '&quot;'">\"</xsl:when>
      <xsl:when test="$character = '\'">\\</xsl:when>
      <xsl:when test="$character = '&#9;'">\t</xsl:when>
      <xsl:when test="$character = '&#10;'">\n</xsl:when>
      <xsl:otherwise>\r</xsl:otherwise>
    </xsl:choose>
  </xsl:template>
</xsl:stylesheet>
