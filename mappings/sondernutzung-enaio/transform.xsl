<?xml version="1.0" encoding="UTF-8"?>
<!--
  Sondernutzung: from the portal's application to the index data of a document in enaio, as `documents/insert` of osrest takes
  it in its part "data". Source: the hub's envelope with the application (source.xsd) in hub:data. Target: JSON.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:f="urn:rohrpost:functions:1"
                xmlns:sondernutzung="urn:rohrpost:beispiel:sondernutzung:1"
                exclude-result-prefixes="f sondernutzung">

  <xsl:include href="felder.xsl"/>

  <xsl:template match="sondernutzung:antrag" mode="felder">
    <xsl:variable name="strasse">
      <xsl:apply-templates select="flaechen/flaeche[1]"/>
    </xsl:variable>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Betreff'"/>
      <xsl:with-param name="text">
        <xsl:call-template name="test"/>
        <xsl:value-of select="concat(f:code('art', normalize-space(vorhaben/art)), ', ', $strasse)"/>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Antragsteller'"/>
      <xsl:with-param name="text">
        <xsl:apply-templates select="antragsteller/natuerlichePerson[1] | antragsteller/organisation"/>
        <xsl:if test="count(antragsteller/natuerlichePerson) &gt; 1"> u. a.</xsl:if>
      </xsl:with-param>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Straße'"/>
      <xsl:with-param name="text" select="$strasse"/>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Zeitraum'"/>
      <xsl:with-param name="text" select="concat(f:date-de(normalize-space(vorhaben/von)), ' bis ',
                                                 f:date-de(normalize-space(vorhaben/bis)))"/>
    </xsl:call-template>
    <xsl:call-template name="feld">
      <xsl:with-param name="name" select="'Bemerkung'"/>
      <xsl:with-param name="text" select="vorhaben/beschreibung"/>
      <xsl:with-param name="laenge" select="2000"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template match="flaeche">
    <xsl:value-of select="normalize-space(concat(strasse, ' ', hausnummer))"/>
    <xsl:if test="ortsteil">
      <xsl:value-of select="concat(' (', normalize-space(ortsteil), ')')"/>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
