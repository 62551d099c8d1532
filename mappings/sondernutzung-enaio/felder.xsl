<?xml version="1.0" encoding="UTF-8"?>
<!--
  The frame of index data for enaio, in the vocabulary of fn:json-to-xml, which the hub writes as JSON. The same file lies
  in every mapping that includes it; a test keeps the copies equal. A stylesheet that includes it says by the mode `felder`
  which fields its data have, each with the template `feld`.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns="http://www.w3.org/2005/xpath-functions"
                xmlns:hub="urn:rohrpost:envelope:1"
                xmlns:f="urn:rohrpost:functions:1"
                exclude-result-prefixes="hub f">

  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <!-- The object type that the DMS gives to such documents. -->
  <xsl:param name="objekttyp" select="'262146'"/>

  <xsl:template match="/hub:envelope">
    <map>
      <string key="objectTypeId"><xsl:value-of select="$objekttyp"/></string>
      <map key="fields">
        <xsl:apply-templates select="hub:submission"/>
        <xsl:apply-templates select="hub:data/*" mode="felder"/>
        <xsl:call-template name="feld">
          <xsl:with-param name="name" select="'Anlagen'"/>
          <xsl:with-param name="text"><xsl:apply-templates select="hub:attachments/hub:attachment"/></xsl:with-param>
          <xsl:with-param name="laenge" select="2000"/>
        </xsl:call-template>
        <xsl:call-template name="feld">
          <xsl:with-param name="name" select="'Fachverfahren'"/>
          <xsl:with-param name="text" select="hub:receipts/hub:receipt[@step = 'fachverfahren'][last()]/@reference"/>
          <!-- A file name whole: a reference that was cut finds nothing. -->
          <xsl:with-param name="laenge" select="255"/>
        </xsl:call-template>
      </map>
    </map>
  </xsl:template>

  <!-- The day of receipt as the authority's calendar has it: the instant is UTC, the deadline counts in German time. -->
  <xsl:template match="hub:submission">
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'HubId'"/>
      <xsl:with-param name="text" select="@id"/>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Vorgang'"/>
      <xsl:with-param name="text" select="@case"/>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Eingang'"/>
      <xsl:with-param name="text" select="f:date-de(@received-at)"/>
    </xsl:call-template>
  </xsl:template>

  <!-- The names under which every file system takes them, one a line. -->
  <xsl:template match="hub:attachment">
    <xsl:if test="position() &gt; 1"><xsl:text>&#10;</xsl:text></xsl:if>
    <xsl:value-of select="f:file-name(@name)"/>
  </xsl:template>

  <!-- What every subject begins with when it is only a test. -->
  <xsl:template name="test">
    <xsl:if test="/hub:envelope/hub:submission/@test = 'true'">TEST: </xsl:if>
  </xsl:template>

  <!-- As a register lists people: the name to look for comes first. -->
  <xsl:template match="natuerlichePerson">
    <xsl:value-of select="normalize-space(concat(nachname, ', ', titel, ' ', vorname))"/>
  </xsl:template>

  <xsl:template match="organisation">
    <xsl:value-of select="normalize-space(name)"/>
  </xsl:template>

  <!-- One field of the index. What is empty is left out; what is longer than its field in the DMS is cut and marked. -->
  <xsl:template name="feld">
    <xsl:param name="name"/>
    <xsl:param name="text"/>
    <xsl:param name="laenge" select="200"/>
    <xsl:variable name="wert" select="string($text)"/>
    <xsl:if test="$wert != ''">
      <map key="{$name}">
        <string key="value">
          <xsl:choose>
            <xsl:when test="string-length($wert) &gt; $laenge">
              <xsl:value-of select="concat(substring($wert, 1, $laenge - 1), '…')"/>
            </xsl:when>
            <xsl:otherwise>
              <xsl:value-of select="$wert"/>
            </xsl:otherwise>
          </xsl:choose>
        </string>
      </map>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
