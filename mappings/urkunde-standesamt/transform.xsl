<?xml version="1.0" encoding="UTF-8"?>
<!--
  Urkundenbestellung: from the portal's order to the message for a Standesamt's Fachverfahren.

  Source: the hub's envelope with the order (source.xsd) in hub:data. Target: target.xsd.
  XSLT 1.0 with functions of the hub: code lists, amounts, IBAN, the characters of DIN 91379.
-->
<xsl:stylesheet version="1.0"
                xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
                xmlns:hub="urn:rohrpost:envelope:1"
                xmlns:f="urn:rohrpost:functions:1"
                xmlns:urkunde="urn:rohrpost:beispiel:urkunde:1"
                xmlns:standesamt="urn:rohrpost:beispiel:standesamt:1"
                exclude-result-prefixes="hub f urkunde">

  <xsl:include href="umschlag.xsl"/>

  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <!-- The fee of one position in cents: for its first copy, and for each further one. -->
  <xsl:param name="gebuehr-erste" select="'1200'"/>
  <xsl:param name="gebuehr-weitere" select="'600'"/>

  <xsl:template match="urkunde:bestellung">
    <standesamt:nachricht version="1.0">
      <xsl:apply-templates select="/hub:envelope/hub:submission"/>
      <xsl:apply-templates select="besteller"/>
      <xsl:call-template name="bestellung"/>
      <xsl:call-template name="zahlung"/>
      <xsl:call-template name="anlagen"/>
      <xsl:apply-templates select="erklaerungen"/>
      <xsl:value-of select="$nl"/>
    </standesamt:nachricht>
  </xsl:template>

  <xsl:template match="urkunde:bestellung" mode="betreff">
    <xsl:variable name="erste" select="urkunden/urkunde[1]"/>
    <xsl:value-of select="concat(f:code('urkundenart', normalize-space($erste/art)), ' ',
                                 normalize-space($erste/person[1]/nachname))"/>
    <xsl:if test="count(urkunden/urkunde) &gt; 1">
      <xsl:value-of select="concat(' und ', count(urkunden/urkunde) - 1, ' weitere')"/>
    </xsl:if>
  </xsl:template>

  <!-- Besteller -->

  <xsl:template match="besteller">
    <xsl:value-of select="$nl"/>
    <besteller>
      <xsl:apply-templates select="natuerlichePerson | organisation | anschrift | kontakt"/>
      <xsl:apply-templates select="../berechtigung/verhaeltnis"/>
      <xsl:for-each select="../berechtigung/nachweis">
        <nachweis><xsl:value-of select="normalize-space(@anlage)"/></nachweis>
      </xsl:for-each>
    </besteller>
  </xsl:template>

  <!-- A code of the portal, with its name from the code list of the same name. -->
  <xsl:template match="verhaeltnis | verwendungszweck">
    <xsl:call-template name="mit-bezeichnung">
      <xsl:with-param name="liste" select="local-name()"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template match="urkunde/art">
    <xsl:call-template name="mit-bezeichnung">
      <xsl:with-param name="liste" select="'urkundenart'"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template match="urkunde/form">
    <xsl:call-template name="mit-bezeichnung">
      <xsl:with-param name="liste" select="'urkundenform'"/>
    </xsl:call-template>
  </xsl:template>

  <xsl:template name="mit-bezeichnung">
    <xsl:param name="liste"/>
    <xsl:variable name="code" select="normalize-space(.)"/>
    <xsl:element name="{local-name()}">
      <xsl:attribute name="code"><xsl:value-of select="$code"/></xsl:attribute>
      <xsl:value-of select="f:code($liste, $code)"/>
    </xsl:element>
  </xsl:template>

  <!-- Bestellung -->

  <xsl:template name="bestellung">
    <xsl:value-of select="$nl"/>
    <bestellung ausfertigungen="{sum(urkunden/urkunde/anzahl)}">
      <xsl:apply-templates select="verwendungszweck"/>
      <gebuehrenfrei>
        <xsl:value-of select="f:code('verwendungszweck', normalize-space(verwendungszweck), 'gebuehrenfrei') = 'ja'"/>
      </gebuehrenfrei>
      <xsl:apply-templates select="urkunden/urkunde">
        <xsl:sort select="@nummer" data-type="number"/>
      </xsl:apply-templates>
      <xsl:apply-templates select="versand/post"/>
      <xsl:if test="bemerkung">
        <bemerkung><xsl:value-of select="bemerkung"/></bemerkung>
      </xsl:if>
    </bestellung>
  </xsl:template>

  <xsl:template match="urkunde">
    <xsl:value-of select="$nl"/>
    <position nummer="{normalize-space(@nummer)}">
      <xsl:apply-templates select="art | form"/>
      <xsl:apply-templates select="anzahl | eintrag/standesamt" mode="kopie"/>
      <xsl:if test="eintrag/nummer">
        <eintrag><xsl:value-of select="normalize-space(eintrag/nummer)"/></eintrag>
      </xsl:if>
      <ereignis><xsl:value-of select="normalize-space(ereignis/datum | ereignis/jahr)"/></ereignis>
      <xsl:apply-templates select="ereignis/ort" mode="kopie"/>
      <xsl:apply-templates select="person"/>
    </position>
  </xsl:template>

  <!-- A register knows names in letters of DIN 91379 only: others are a fault here, before somebody searches in vain. -->
  <xsl:template match="urkunde/person">
    <person>
      <xsl:for-each select="vorname | nachname | geburtsname">
        <xsl:element name="{local-name()}">
          <xsl:value-of select="f:din-91379(normalize-space(.), 'A')"/>
        </xsl:element>
      </xsl:for-each>
      <xsl:apply-templates select="geburtsdatum" mode="kopie"/>
      <suchname>
        <xsl:variable name="name">
          <xsl:value-of select="normalize-space(nachname)"/>
          <xsl:if test="vorname">
            <xsl:value-of select="concat(', ', normalize-space(vorname))"/>
          </xsl:if>
        </xsl:variable>
        <xsl:value-of select="translate(f:transliterate($name), 'abcdefghijklmnopqrstuvwxyz',
                                        'ABCDEFGHIJKLMNOPQRSTUVWXYZ')"/>
      </suchname>
    </person>
  </xsl:template>

  <!-- Who gets the letter: the person who orders, unless another name or another address is said. -->
  <xsl:template match="versand/post">
    <xsl:variable name="besteller" select="../../besteller"/>
    <versand>
      <empfaenger>
        <xsl:choose>
          <xsl:when test="empfaenger"><xsl:value-of select="normalize-space(empfaenger)"/></xsl:when>
          <xsl:otherwise><xsl:apply-templates select="$besteller" mode="name"/></xsl:otherwise>
        </xsl:choose>
      </empfaenger>
      <xsl:choose>
        <xsl:when test="anschrift"><xsl:apply-templates select="anschrift"/></xsl:when>
        <xsl:otherwise><xsl:apply-templates select="$besteller/anschrift"/></xsl:otherwise>
      </xsl:choose>
    </versand>
  </xsl:template>

  <xsl:template match="besteller" mode="name">
    <xsl:for-each select="natuerlichePerson">
      <xsl:value-of select="normalize-space(concat(titel, ' ', vorname, ' ', nachname))"/>
    </xsl:for-each>
    <xsl:value-of select="normalize-space(organisation/name)"/>
  </xsl:template>

  <!-- Zahlung, in cents -->

  <xsl:template name="zahlung">
    <xsl:variable name="frei"
                  select="f:code('verwendungszweck', normalize-space(verwendungszweck), 'gebuehrenfrei') = 'ja'"/>
    <xsl:variable name="urkunden" select="urkunden/urkunde"/>
    <xsl:variable name="gebuehr" select="number(not($frei)) * (count($urkunden) * $gebuehr-erste
                                         + (sum($urkunden/anzahl) - count($urkunden)) * $gebuehr-weitere)"/>
    <xsl:variable name="bezahlt">
      <xsl:choose>
        <xsl:when test="zahlung">
          <xsl:value-of select="format-number(number(f:number(normalize-space(zahlung/betrag))) * 100, '0')"/>
        </xsl:when>
        <xsl:otherwise>0</xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <xsl:value-of select="$nl"/>
    <zahlung>
      <gebuehr><xsl:value-of select="$gebuehr"/></gebuehr>
      <bezahlt><xsl:value-of select="$bezahlt"/></bezahlt>
      <stimmt><xsl:value-of select="$gebuehr = number($bezahlt)"/></stimmt>
      <xsl:if test="zahlung">
        <xsl:apply-templates select="zahlung/referenz" mode="kopie"/>
        <zeitpunkt><xsl:value-of select="f:date-time-de(normalize-space(zahlung/zeitpunkt))"/></zeitpunkt>
      </xsl:if>
      <xsl:apply-templates select="erstattung"/>
    </zahlung>
  </xsl:template>

  <xsl:template match="erstattung">
    <erstattung>
      <xsl:apply-templates select="kontoinhaber" mode="kopie"/>
      <iban><xsl:value-of select="f:iban(normalize-space(iban))"/></iban>
    </erstattung>
  </xsl:template>
</xsl:stylesheet>
